"""What the doctor says of webhooks."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from leadml.domain.event import Event
from leadml.settings import Settings, settings_from
from leadml.store.outbox import Outbox
from leadml.workflows.check_up import CODES
from leadml.workflows.doctor_webhooks import LATE_SECONDS, webhook_check, webhooks_checks
from leadml.workflows.ledger import open_ledger

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)
CRM = {"webhooks": {"crm": {"url": "https://crm.example/t/4711"}}}


def settings(folder: Path, content: dict[str, Any]) -> Settings:
    return settings_from(content, path=folder / "leadml.toml")


def test_nobody_to_tell_nothing_to_say(tmp_path: Path) -> None:
    assert list(webhooks_checks(settings(tmp_path, {}))) == []
    assert list(webhooks_checks(settings(tmp_path, CRM))) == []  # no ledger: another line says so


def test_an_endpoint_without_a_secret_and_one_whose_letters_are_dead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = settings(tmp_path, CRM)
    with open_ledger(made) as ledger:
        detail = {"band": "A", "sales_ready": True}
        now = ledger.now()
        ledger.record([Event(event="scored", lead="L1", happened_at=now, detail=detail)])
        (check,) = webhooks_checks(made)
        assert (check.name, check.status, check.code) == ("webhook crm", "warning", "DOC019")
        monkeypatch.setenv("LEADML_WEBHOOK_SECRET", "a" * 32)
        made = settings(tmp_path, CRM)
        (check,) = webhooks_checks(made)
        assert (check.status, check.found) == ("ok", "0 messages delivered in 24 hours, 1 wait")
        sent = Outbox(ledger).claim("crm", hold=timedelta(hours=1))
        assert sent is not None
        Outbox(ledger).give_up(sent, "HTTP 404")
    (check,) = webhooks_checks(made)
    assert (check.status, check.code) == ("warning", "DOC020")
    assert check.found == "1 dead letters, 0 messages wait; last failure: HTTP 404"
    assert "`leadml webhooks test crm`" in check.advice
    assert check.code in CODES


@pytest.mark.parametrize(("seconds", "code"), [(LATE_SECONDS, None), (LATE_SECONDS + 1, "DOC020")])
def test_messages_that_wait_for_long(seconds: float, code: str | None) -> None:
    told = {
        "name": "crm",
        "problem": None,
        "pending": 3,
        "dead": 0,
        "delivered_last_day": 0,
        "oldest_pending": (NOW - timedelta(seconds=seconds)).isoformat(),
        "last_error": None,
    }
    check = webhook_check(told, NOW)
    assert check.code == code
    assert ("the oldest since 3,601 seconds" in check.found) is (code is not None)
