"""Several workers: one ready line, nobody missed when one is killed, nothing lost at the end."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from leadml.domain.api_key import RateLimit
from leadml.settings import load_settings
from leadml.store.ledger import Ledger
from leadml.workflows.doctor_service import service_check
from leadml.workflows.keys import add_key, revoke_key

SECONDS = 30.0
LEAD = {"lead": {"lead_id": "L1", "budget": 5000}}
KEY = {"X-API-Key": "boss"}


class Service:
    """A service with two workers, and what it wrote to its log so far.

    `meanwhile` is done when it has begun and its workers have not.
    """

    def __init__(
        self, folder: Path, *, keys: str = "boss", meanwhile: Callable[[], object] = int
    ) -> None:
        self.folder = folder
        words = [sys.executable, "-m", "leadml", "serve", "--port", "0", "--workers", "2"]
        self.process = subprocess.Popen(
            words,
            cwd=folder,
            env=os.environ | {"LEADML_ADMIN_KEYS": keys},
            stderr=subprocess.PIPE,
            text=True,
        )
        self.lines: list[dict[str, Any]] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        until(lambda: self.said("Started parent process"))
        meanwhile()
        (ready,) = until(lambda: self.said("leadml serves "))
        self.url = re.findall(r"http://[^ ]+", ready["message"])[0]

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(json.loads(line))

    def said(self, words: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if words in line["message"]]

    def ask(self, path: str, **more: Any) -> httpx2.Response:
        """Ask on a connection of its own, so that any worker may answer."""
        method = "POST" if "json" in more else "GET"
        return httpx2.request(method, self.url + path, timeout=SECONDS, headers=KEY, **more)

    def statuses(self, key: str, times: int = 12) -> list[int]:
        """Ask which model serves, each time on a connection of its own."""
        return [self._status(key) for _ in range(times)]

    def _status(self, key: str) -> int:
        address = self.url.removeprefix("http://")
        connection = http.client.HTTPConnection(address, timeout=SECONDS)
        try:
            connection.request("GET", "/v1/model", headers={"X-API-Key": key} if key else {})
            return connection.getresponse().status
        finally:
            connection.close()

    def workers(self) -> set[int]:
        """Return who answers, by asking until two different workers have."""
        found: set[int] = until(lambda: self._seen() if len(self._seen()) == 2 else None)
        return found

    def _seen(self) -> set[int]:
        before = len(self.lines)
        self.ask("/healthz")
        until(lambda: [line for line in self.lines[before:] if line.get("route") == "/healthz"])
        return {line["pid"] for line in self.lines if alive(line.get("pid", 0))}

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(SECONDS)
        self._reader.join()
        return code

    def end(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(SECONDS)
        finally:
            self.process.kill()
        self._reader.join(SECONDS)
        assert self.process.stderr is not None
        self.process.stderr.close()


def until(look: Callable[[], Any]) -> Any:
    """Look until there is something to see."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.01)
    pytest.fail("it did not happen in time")


def alive(pid: int) -> bool:
    if not pid:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, make_site: Any) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("workers")
    with make_site(folder):
        pass  # leaves a configuration and two versions behind
    service = Service(folder)
    try:
        yield service
    finally:
        service.end()


def test_it_is_ready_once_all_workers_answer(service: Service) -> None:
    assert len(service.workers()) == 2
    (ready,) = service.said("leadml serves ")
    assert ready["message"].endswith(": 2 workers")
    assert service.process.pid not in service.workers()
    (told,) = service.said("scores and events are recorded in ")
    assert told["message"].endswith(f"sqlite:///{service.folder / 'leadml.db'}")


def test_every_worker_follows_the_keys_and_all_count_together(service: Service) -> None:
    settings = load_settings(service.folder / "leadml.toml")
    limit = RateLimit(20, 3600)
    limited = add_key(settings, "crm", scopes=frozenset({"score"}), limit=limit).key
    free = add_key(settings, "free", scopes=frozenset({"score"})).key
    until(lambda: set(service.statuses(free)) == {200})
    found = service.statuses(limited, 40)
    # 20 an hour are one in three minutes: none comes back meanwhile.
    assert (found.count(200), found.count(429)) == (20, 20)
    assert 'leadml_rate_limited_total{key="crm"} 20.0' in service.ask("/metrics").text
    revoke_key(settings, "free")
    until(lambda: set(service.statuses(free)) == {401})


def test_the_doctor_asks_it(service: Service) -> None:
    assert service_check(service.url, "1").status == "ok"
    assert service_check(service.url, "2").code == "DOC018"


def test_a_session_holds_at_every_worker(service: Service) -> None:
    own = {"Origin": service.url, "Connection": "close"}
    with httpx2.Client(base_url=service.url, timeout=SECONDS, headers=own) as client:
        client.post("/login", data={"key": "boss", "next": "/", "token": token(client, "/login")})
        pages = [client.get("/models").status_code for _ in range(20)]
        kept = dict(client.cookies)
        client.post("/logout", data={"token": token(client, "/logout")})
    assert set(pages) == {200}
    assert len({line["pid"] for line in service.lines if line.get("route") == "/models"}) == 2
    with httpx2.Client(base_url=service.url, headers=own, cookies=kept) as thief:
        assert {thief.get("/models").status_code for _ in range(20)} == {303}


def token(client: httpx2.Client, page: str) -> str:
    (found,) = set(re.findall(r'name="token" value="([^"]+)"', client.get(page).text))
    return str(found)


def test_one_scrape_tells_of_all_workers(service: Service) -> None:
    for _ in range(20):
        assert service.ask("/v1/score", json=LEAD).json()["recorded"] is True
    until(lambda: samples(service)["leadml_workers"] == 2)
    found = samples(service)
    asked = sum(line.get("route") == "/v1/score" for line in service.lines)
    assert found["leadml_request_seconds_count POST /v1/score 200"] == 20 == asked
    assert found["leadml_model_info 1"] == 2


def samples(service: Service) -> dict[str, float]:
    families = text_string_to_metric_families(service.ask("/metrics").text)
    return {
        " ".join([sample.name, *(sample.labels[name] for name in sorted(sample.labels))]): (
            sample.value
        )
        for family in families
        for sample in family.samples
    }


def test_a_worker_that_is_killed_is_replaced_and_nobody_is_missed(service: Service) -> None:
    victim = min(service.workers())
    os.kill(victim, signal.SIGKILL)
    answers: list[int] = []
    while not service.said(f"worker {victim} ended; another takes its place") or len(answers) < 30:
        answers.append(service.ask("/v1/score", json=LEAD).status_code)
    assert set(answers) == {200}
    assert victim not in service.workers()
    until(lambda: samples(service)["leadml_workers"] == 2)


def test_it_ends_in_good_order(service: Service) -> None:
    """The request that has begun is answered, what was answered is recorded, the exit code is 0."""
    body = json.dumps({"lead": {"lead_id": "last"}}).encode()
    head = b"POST /v1/score HTTP/1.1\r\nHost: localhost\r\nX-API-Key: boss\r\n"
    head += b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
    host, port = service.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=SECONDS) as begun:
        begun.sendall(head + body[:5])
        service.ask("/healthz")  # by now a worker has taken the connection above
        service.process.send_signal(signal.SIGTERM)
        until(lambda: refused(host, int(port)))
        begun.sendall(body[5:])
        answer = b"".join(iter(lambda: begun.recv(100_000), b""))
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert b'"recorded":true' in answer
    assert service.stop() == 0
    with Ledger.open(f"sqlite:///{service.folder / 'leadml.db'}", create=False) as ledger:
        assert len(ledger.history("last")) == 1


def refused(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=SECONDS).close()
    except ConnectionError:
        return True
    return False


@pytest.fixture
def site(tmp_path: Path, make_site: Any) -> Path:
    """Return a folder to serve, without any key."""
    with make_site(tmp_path):
        return tmp_path


def crm_key(folder: Path) -> str:
    settings = load_settings(folder / "leadml.toml")
    return add_key(settings, "crm", scopes=frozenset({"score"})).key


def test_workers_that_begin_when_the_keys_file_is_gone_refuse_all_until_it_is_back(
    site: Path,
) -> None:
    key, file, away = crm_key(site), site / "keys.json", site / "keys.away"
    service = Service(site, keys="", meanwhile=lambda: file.rename(away))
    try:
        assert set(service.statuses("")) | set(service.statuses(key)) == {401}
        told = service.said(f"the keys file {file} is gone: until it is back every key is refused")
        assert [line["level"] for line in told] == ["ERROR"] * 2  # each worker
        away.rename(file)
        until(lambda: set(service.statuses(key)) == {200})
        assert set(service.statuses("")) == {401}
    finally:
        service.end()


def test_a_worker_that_is_replaced_is_closed_too_when_keys_made_later_are_gone(site: Path) -> None:
    service = Service(site, keys="")
    try:
        assert service.statuses("", 1) == [200]
        victim = min(service.workers())
        key = crm_key(site)
        until(lambda: set(service.statuses("")) == {401})
        until(lambda: service.said("every worker needs a key from now on"))
        (site / "keys.json").unlink()
        os.kill(victim, signal.SIGKILL)
        until(lambda: service.said("is gone: until it is back every key is refused"))
        until(lambda: 401 in service.statuses(key))  # by the new worker; the other one knows it
        assert set(service.statuses("", 24)) == {401}
    finally:
        service.end()
