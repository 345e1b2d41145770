"""The way to the ledger: open at once, or later, or told why not."""

from pathlib import Path

import pytest

from leadml.api.recording import ledger_link
from leadml.api.recording.ledger_link import LedgerLink
from leadml.errors import AwayError, StoreError


def test_it_opens_once_and_says_where(tmp_path: Path) -> None:
    link = LedgerLink(
        f"sqlite:///{tmp_path / 'ledger.db'}",
        reasons=("bored", "other"),
        webhooks={"crm": ("band_changed",)},
    )
    assert link.told == "scores are not recorded, and events are not taken: it was not opened yet"
    assert link.look()
    assert link.problem == ""
    assert link.told == f"scores and events are recorded in sqlite:///{tmp_path / 'ledger.db'}"
    assert link.open() is link.open()
    assert link.open().reasons == ("bored", "other")
    assert link.open().webhooks == {"crm": ("band_changed",)}
    link.close()


def test_without_an_address_there_is_none() -> None:
    link = LedgerLink("")
    assert not link.look()
    with pytest.raises(StoreError, match=r"no ledger is configured: set \[store\] url"):
        link.open()


def test_what_could_not_be_opened_is_tried_again_after_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "taken"
    folder.write_text("a file where a folder is wanted")
    link = LedgerLink(f"sqlite:///{folder / 'ledger.db'}")
    assert not link.look()
    assert "ledger.db cannot be made" in link.told
    folder.unlink()
    assert not link.look()  # five seconds have not passed
    monkeypatch.setattr(ledger_link, "RETRY_SECONDS", 0)
    assert link.look()
    link.close()


def test_out_of_reach_it_is_away_and_broken_it_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing listens on the first port; scores wait for what may come back by itself."""
    away = LedgerLink("postgresql://ann@127.0.0.1:1/crm?connect_timeout=2")
    monkeypatch.setattr("leadml.store.database.PATIENCE", 0.1)
    assert not away.look()
    assert away.told.startswith("scores wait in the journal, and events are not taken: the ledger ")
    with pytest.raises(AwayError, match=r"cannot be reached"):
        away.open()
    (tmp_path / "ledger.db").write_text("this is no database: " * 50)
    broken = LedgerLink(f"sqlite:///{tmp_path / 'ledger.db'}")
    assert not broken.look()
    assert broken.told.startswith("scores are not recorded, and events are not taken: the ledger ")
    with pytest.raises(StoreError, match=r"is not an SQLite database") as told:
        broken.open()
    assert not isinstance(told.value, AwayError)


def test_who_meets_another_that_opens_it_does_not_wait_for_long(tmp_path: Path) -> None:
    link = LedgerLink(f"sqlite:///{tmp_path / 'ledger.db'}")
    with link._lock:
        assert not link.look()
    assert link.look()
    link.close()


def test_closed_it_opens_anew(tmp_path: Path) -> None:
    link = LedgerLink(f"sqlite:///{tmp_path / 'ledger.db'}")
    first = link.open()
    link.close()
    assert link.open() is not first
    link.close()
