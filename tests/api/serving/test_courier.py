"""While the service runs, messages leave it; endpoints do not hold up one another."""

import socket
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from leadml.api.serving.courier import Courier
from leadml.domain.event import Event
from leadml.errors import StoreError
from leadml.settings import Settings, settings_from
from leadml.store.ledger import Ledger

SECRET = {"LEADML_WEBHOOK_SECRET": "a-secret-of-thirty-two-bytes-or-so"}


def configured(folder: Path, **urls: str) -> Settings:
    tables = {name: {"url": url} for name, url in urls.items()}
    return settings_from({"webhooks": tables}, path=folder / "leadml.toml")


def ready(ledger: Ledger, *leads: str) -> None:
    detail = {"band": "A", "sales_ready": True}
    now = datetime.now(UTC)
    ledger.record([Event(event="scored", lead=n, happened_at=now, detail=detail) for n in leads])


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


@pytest.fixture
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRET.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("secret")
def test_a_silent_endpoint_holds_up_no_other(tmp_path: Path, receiver: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        settings = configured(tmp_path, silent=address, crm=receiver.url)
        with Ledger.open(settings.store_url, webhooks=settings.webhook_kinds) as ledger:
            ready(ledger, "L1", "L2")
            courier = Courier(lambda: ledger, settings)
            courier.start()
            connected, _ = silent.accept()
            until(lambda: len(receiver.taken) == 2)
            until(lambda: courier.counts()["delivered"] == 2)
            assert courier.counts() == {"pending": 2, "delivered": 2, "dead": 0}
            connected.close()
            courier.close()
    assert not [t for t in threading.enumerate() if t.name.startswith("leadml webhook crm")]


def test_without_a_secret_nothing_is_sent_and_that_is_said(
    tmp_path: Path, receiver: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings = configured(tmp_path, crm=receiver.url)
    with Ledger.open(settings.store_url, webhooks=settings.webhook_kinds) as ledger:
        ready(ledger, "L1")
        courier = Courier(lambda: ledger, settings)
        courier.start()
        courier.close()
        assert courier.counts()["pending"] == 1
    assert "set LEADML_WEBHOOK_SECRET or LEADML_WEBHOOK_SECRET_CRM" in courier.problems["crm"]
    assert courier.problems["crm"] in caplog.text
    assert receiver.taken == []


@pytest.mark.usefixtures("secret")
def test_a_fault_of_one_message_does_not_end_the_sending(
    tmp_path: Path, receiver: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leadml.api.serving.courier.AWAY_SECONDS", 0.01)
    settings = configured(tmp_path, crm=receiver.url)
    with Ledger.open(settings.store_url, webhooks=settings.webhook_kinds) as ledger:
        faults = iter([ZeroDivisionError("L1")])

        def opened() -> Ledger:
            for fault in faults:
                raise fault
            return ledger

        ready(ledger, "L1")
        courier = Courier(opened, settings)
        courier.start()
        until(lambda: len(receiver.taken) == 1)
        courier.close()
    assert "webhook crm: not sent: ZeroDivisionError" in caplog.text
    assert "L1" not in caplog.text


def test_no_webhooks_no_threads_and_nothing_to_count(tmp_path: Path) -> None:
    def opened() -> Ledger:
        msg = "nobody asks"
        raise StoreError(msg)

    before = threading.active_count()
    courier = Courier(opened, configured(tmp_path))
    courier.start()
    assert threading.active_count() == before
    assert courier.counts() == {}
    courier.close()
    away = Courier(opened, configured(tmp_path, crm="https://crm.example/"))
    assert away.counts() == {}
