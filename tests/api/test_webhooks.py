"""From a score over HTTP to another program: the receiver of the documentation, and the service."""

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import pytest

from leadml.api.application import create_app
from leadml.domain.event import Event
from leadml.domain.webhook import Endpoint
from leadml.domain.webhook_signature import key_of, signed
from leadml.store.outbox import Outbox

PAGE = Path(__file__).parents[2] / "docs" / "crm.md"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
POOR = {"lead_id": "L1", "budget": 10, "source": "Web"}
RICH = POOR | {"budget": 5000, "source": "Ads"}


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


class Example:
    """The receiver of the documentation, running."""

    def __init__(self) -> None:
        (code,) = (
            block
            for block in re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
            if "is_from_leadml" in block
        )
        self.said: list[str] = []
        names: dict[str, Any] = {"__name__": "receiver", "print": self._print}
        exec(compile(code, str(PAGE), "exec"), names)
        quiet = {"log_message": lambda *told: None}
        handler = type("Quiet", (names["Receiver"],), quiet)
        self.done: set[str] = names["done"]
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        self._thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self._thread.start()

    def _print(self, *words: str) -> None:
        self.said.append(" ".join(words))

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self._thread.join()


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> Iterator[Example]:
    monkeypatch.setenv("LEADML_WEBHOOK_SECRET", SECRET)
    running = Example()
    yield running
    running.close()


def test_a_score_wakes_the_receiver_of_the_documentation(
    tmp_path: Path, example: Example, make_version: Any, make_settings: Any, serve_app: Any
) -> None:
    make_version(tmp_path / "models")
    settings = replace(
        make_settings(tmp_path),
        webhooks={"crm": Endpoint(url=example.url)},
        webhook_secrets={"LEADML_WEBHOOK_SECRET": SECRET},
    )
    with serve_app(create_app(settings)) as server:
        answers = [server.client.post("/v1/score", json={"lead": POOR}).json()]
        until(lambda: server.app.state.recorder.flush(5.0))
        answers.append(server.client.post("/v1/score", json={"lead": RICH}).json())
        until(lambda: server.app.state.courier.counts()["delivered"] == 2)
        told = server.client.get("/metrics").text
        assert 'leadml_webhooks{state="delivered"} 2.0' in told
    ready = [answer["sales_ready"] for answer in answers]
    bands = [answer["band"] for answer in answers]
    assert ready == [False, True]
    assert bands[0] != bands[1]
    assert example.said == [f"L1 is in band {bands[1]}"] * 2  # its band changed, and it is ready
    assert len(example.done) == 2


@pytest.mark.parametrize(
    ("change", "status", "taken"),
    [
        ({}, 204, 1),
        ({"body": b'{"id":"m","type":"test","lead":"L2"}'}, 401, 0),
        ({"age": 280}, 204, 1),
        ({"age": 302}, 401, 0),
        ({"key": "whsec_" + "A" * 44}, 401, 0),
        ({"headers": {"webhook-signature": ""}}, 401, 0),
    ],
)
def test_the_receiver_of_the_documentation_takes_what_is_genuine_once(
    example: Example, change: dict[str, Any], status: int, taken: int
) -> None:
    message = {"id": "m", "type": "band_changed", "sequence": 2, "lead": "L1", "to": {"band": "A"}}
    body = json.dumps(message).encode()
    timestamp = int(time.time()) - change.get("age", 0)
    key = key_of(change.get("key", SECRET))
    headers = signed([key], identity="m", timestamp=timestamp, body=body)
    headers |= change.get("headers", {})
    for _ in range(2):
        sent = httpx2.post(example.url, content=change.get("body", body), headers=headers)
        assert sent.status_code == status
    assert example.said == ["L1 is in band A"] * taken


def test_the_receiver_of_the_documentation_leaves_out_what_is_past(example: Example) -> None:
    key = key_of(SECRET)
    for identity, sequence, band in (("m2", 2, "B"), ("m1", 1, "A"), ("m3", 2, "B")):
        message = {"id": identity, "type": "band_changed", "sequence": sequence, "lead": "L1"}
        body = json.dumps(message | {"to": {"band": band}}).encode()
        headers = signed([key], identity=identity, timestamp=int(time.time()), body=body)
        assert httpx2.post(example.url, content=body, headers=headers).status_code == 204
    assert example.said == ["L1 is in band B"] * 2


class TestPage:
    TOML = (
        '[store]\nurl = "sqlite:///ledger.db"\n[webhooks.crm]\nurl = "https://crm.example/t/4711"'
    )

    @pytest.fixture
    def site(self, tmp_path: Path, make_site: Any) -> Iterator[Any]:
        """Return a server that keeps two dead letters."""
        with make_site(tmp_path, self.TOML, api_keys=("plain",), admin_keys=("boss",)) as server:
            ledger = server.app.state.ledger.open()
            now = datetime.now(UTC)
            detail = {"band": "A", "sales_ready": True}
            ledger.record(
                [
                    Event(event="scored", lead=lead, happened_at=now, detail=detail)
                    for lead in ("L1", "L2")
                ]
            )
            outbox = Outbox(ledger)
            assert outbox.give_up_all("crm", "HTTP 404") == 2
            yield server

    def send(self, site: Any, key: str, **form: str) -> Any:
        headers = {"Authorization": f"Bearer {key}", "Origin": site.url}
        page = site.client.get("/webhooks", headers=headers).text
        token = re.search(r'name="token" value="([^"]+)"', page)
        fields = {"token": token[1] if token else ""} | form
        return site.client.post("/webhooks/retry", data=fields, headers=headers)

    def test_an_administrator_sends_dead_letters_again(
        self, site: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level("INFO")
        headers = {"Authorization": "Bearer boss"}
        shown = site.client.get("/webhooks", headers=headers).text
        assert "<h1>2 dead letters.</h1>" in shown
        assert "crm.example" in shown
        assert "4711" not in shown
        assert (
            "Messages to webhook crm wait, for nothing signs them: set LEADML_WEBHOOK_SECRET"
            in shown
        )
        outbox = Outbox(site.app.state.ledger.open())
        first = outbox.dead(limit=1)[0].id
        answer = self.send(site, "boss", id=first)
        assert (answer.status_code, answer.headers["Location"]) == (303, "/webhooks?retried=1")
        assert outbox.counts() == {"pending": 1, "delivered": 0, "dead": 1}
        assert "sent 1 dead letters again" in caplog.text
        assert self.send(site, "boss", id=first).headers["Location"] == "/webhooks?retried=0"
        assert self.send(site, "boss", id="").headers["Location"] == "/webhooks?retried=1"
        told = site.client.get("/webhooks?retried=1", headers=headers).text
        assert "1 dead letter is sent again now." in told
        assert "<h1>2 messages wait.</h1>" in told
        assert "are sent" not in site.client.get("/webhooks?retried=x", headers=headers).text
        nothing = site.client.get("/webhooks?retried=0", headers=headers).text
        assert "Nothing was sent again" in nothing
        several = site.client.get("/webhooks?retried=2", headers=headers).text
        assert "2 dead letters are sent again now." in several

    def test_others_change_nothing(self, site: Any, make_key: Any) -> None:
        reader = make_key(site.app.state.settings.root, "reader", "read")
        outbox = Outbox(site.app.state.ledger.open())
        assert site.client.get("/webhooks", headers={"X-API-Key": reader}).status_code == 200
        boss = site.client.get("/webhooks", headers={"X-API-Key": "boss"}).text
        token = re.search(r'name="token" value="([^"]+)"', boss)
        assert token is not None
        refused = self.send(site, reader, id="", token=token[1])
        assert refused.status_code == 403
        assert "admin" in refused.text
        assert self.send(site, "boss", id="", token="guess").status_code == 403
        assert self.send(site, "boss").status_code == 422
        assert outbox.counts()["dead"] == 2
