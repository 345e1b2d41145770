"""`leadml webhooks`, as it is typed."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from leadml.cli.main import main
from leadml.domain.event import Event
from leadml.domain.webhook_signature import key_of, signed
from leadml.store.outbox import Outbox
from leadml.workflows.ledger import open_ledger

SECRET = "a-secret-of-thirty-two-bytes-or-so"


@pytest.fixture
def config(tmp_path: Path, receiver: Any) -> Path:
    path = tmp_path / "leadml.toml"
    path.write_text(f'[webhooks.crm]\nurl = "{receiver.url}"\n')
    return path


def run(config: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["webhooks", *words, "--config", str(config)])


def fill(config: Path, *leads: str, dead: int = 0) -> list[str]:
    """Record leads that became ready for sales, give some messages up; return their ids."""
    now = datetime.now(UTC)
    detail = {"band": "A", "sales_ready": True}
    with open_ledger(config) as ledger:
        ledger.record(
            [Event(event="scored", lead=n, happened_at=now, detail=detail) for n in leads]
        )
        outbox = Outbox(ledger)
        ids = []
        for _ in range(dead):
            sent = outbox.claim("crm", hold=timedelta(hours=1))
            assert sent is not None
            outbox.give_up(sent, "HTTP 404")
            ids.append(sent.id)
        return ids


def test_status_tells_of_every_endpoint(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(config, "L1", "L2", "L3", dead=1)
    shown = run(config, "status").stdout
    assert "crm       127.0.0.1:" in shown
    assert "crm: messages to webhook crm wait, for nothing signs them: set LEADML_WEBHOOK" in shown
    assert "crm: last failure: HTTP 404 (2" in shown
    assert "token-4711" not in shown
    monkeypatch.setenv("LEADML_WEBHOOK_SECRET", SECRET)
    (told,) = json.loads(run(config, "status", "--json").stdout)["endpoints"]
    counts = (told["pending"], told["delivered_last_day"], told["dead"])
    assert (told["name"], told["problem"], counts) == ("crm", None, (2, 0, 1))
    assert told["on"] == ["band_changed", "sales_ready_crossed", "must_follow_up"]
    assert datetime.fromisoformat(told["oldest_pending"]) <= datetime.now(UTC)


def test_an_endpoint_that_was_removed_is_told_while_it_has_messages(config: Path) -> None:
    fill(config, "L1")
    text = config.read_text()
    config.write_text(text.replace("[webhooks.crm]", "[webhooks.chat]"))
    found = json.loads(run(config, "status", "--json").stdout)["endpoints"]
    assert [(told["name"], told["pending"]) for told in found] == [("chat", 0), ("crm", 1)]
    assert found[1]["problem"] == "it is not in leadml.toml any more"
    config.write_text(text.split("[webhooks", maxsplit=1)[0])
    with open_ledger(config) as ledger:
        outbox = Outbox(ledger)
        sent = outbox.claim("crm", hold=timedelta(hours=1))
        assert sent is not None
        outbox.delivered(sent)
    assert "crm" in run(config, "status").stdout


def test_nobody_to_tell(tmp_path: Path) -> None:
    config = tmp_path / "leadml.toml"
    config.write_text("")
    assert "there is no ledger" in run(config, "status").stderr
    open_ledger(config).close()
    assert run(config, "status").stdout.startswith("leadml.toml has no [webhooks.NAME]: nobody")


def test_dead_letters_are_listed_and_sent_again(config: Path) -> None:
    assert run(config, "dead").exit_code == 1  # there is no ledger yet
    open_ledger(config).close()
    assert run(config, "dead").stdout == "No dead letters.\n"
    first, second = fill(config, "L1", "L2", dead=2)
    shown = run(config, "dead").stdout
    assert f"{first}  crm  sales_ready_crossed  L1\n    given up 2" in shown
    assert "after 1 try: HTTP 404\n" in shown
    (letter,) = json.loads(run(config, "dead", "--limit", "1", "--json").stdout)["dead"]
    assert (letter["id"], letter["lead"], letter["attempts"]) == (second, "L2", 1)
    refused = run(config, "retry", first, "msg_none")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "no dead letter has the id 'msg_none'" in refused.stderr
    assert len(json.loads(run(config, "dead", "--json").stdout)["dead"]) == 2
    assert run(config, "retry", first).stdout.startswith("1 sent again, once `leadml serve` runs")
    assert json.loads(run(config, "retry", "--all", "--json").stdout) == {"retried": 1}
    assert json.loads(run(config, "dead", "--json").stdout) == {"dead": []}


@pytest.mark.parametrize("words", [(), ("msg_1", "--all")])
def test_retry_wants_ids_or_all(config: Path, words: tuple[str, ...]) -> None:
    done = run(config, "retry", *words)
    assert done.exit_code == 2
    assert "name the ids that `leadml webhooks dead` lists, or say --all" in done.stderr


def test_a_test_is_signed_and_its_answer_shown(
    config: Path, receiver: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "set LEADML_WEBHOOK_SECRET" in run(config, "test", "crm").stderr
    monkeypatch.setenv("LEADML_WEBHOOK_SECRET", SECRET)
    done = run(config, "test", "crm")
    assert done.exit_code == 0
    assert done.stdout.startswith(f"crm ({receiver.url.split('/')[2]}) took it: HTTP 204 after ")
    ((headers, body),) = receiver.taken
    told = json.loads(body)
    assert (told["type"], told["endpoint"]) == ("test", "crm")
    expected = signed(
        [key_of(SECRET)],
        identity=told["id"],
        timestamp=int(headers["webhook-timestamp"]),
        body=body,
    )
    assert headers["webhook-signature"] == expected["webhook-signature"]
    receiver.answers = [(401, {})]
    refused = run(config, "test", "crm", "--json")
    assert refused.exit_code == 1
    values = json.loads(refused.stdout)
    assert (values["delivered"], values["status"], values["error"]) == (False, 401, "")


def test_a_test_of_nobody(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADML_WEBHOOK_SECRET", SECRET)
    done = run(config, "test", "mail")
    assert done.stderr == "leadml: leadml.toml has no [webhooks.mail]; endpoints: crm\n"
    text = config.read_text()
    config.write_text(
        text[: text.index("url", text.index("[webhooks"))] + 'url = "http://[::1]:9/"'
    )
    away = run(config, "test", "crm")
    assert away.exit_code == 1
    assert away.stdout.startswith("crm ([::1]:9): ")
