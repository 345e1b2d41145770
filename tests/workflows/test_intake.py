"""What waits in a journal goes to the ledger of its configuration, and to no other."""

import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from leadml.domain.definition import Definition
from leadml.domain.event import Event
from leadml.domain.mapping import LeadMapping
from leadml.settings import Settings
from leadml.store.journal import Journal
from leadml.workflows.intake import Intake, journal_of, sweep_journal
from leadml.workflows.ledger import open_ledger
from leadml.workflows.ledger_erasure import LEFT_IN_JOURNAL, forget_lead
from leadml.workflows.scored_event import Telling

DEFINITION = Definition(leads=LeadMapping(id="id"))
ANSWER = {"probability": 0.5, "as_of": "2025-01-01T00:00:00Z", "scored_at": "2025-03-01T00:00:00Z"}


def settings_of(folder: Path, url: str = "", journal: str = "journal") -> Settings:
    url = url or f"sqlite:///{folder / 'ledger.db'}"
    return Settings(definition=DEFINITION, root=folder, store_url=url, journal=journal)


def left_behind(settings: Settings, *leads: str) -> Journal:
    """Leave scores in a journal that is still open, as a living process does."""
    journal = journal_of(settings)
    assert journal is not None
    journal.open()
    for lead in leads:
        scored = Telling(DEFINITION, "3").event(ANSWER | {"lead_id": lead}, {}, lead)
        assert scored is not None
        journal.append([scored.entry])
    return journal


def test_the_journal_lies_where_the_configuration_says(tmp_path: Path) -> None:
    for name, expected in (("journal", tmp_path / "journal"), ("/var/lib/j", Path("/var/lib/j"))):
        journal = journal_of(settings_of(tmp_path, journal=name))
        assert journal is not None
        assert journal.folder == expected
    assert journal_of(settings_of(tmp_path, url="mysql://db/leads")) is None
    nowhere = Settings(definition=DEFINITION, root=tmp_path)
    assert journal_of(nowhere) is None


def test_files_of_two_configurations_in_one_folder_go_to_two_ledgers(tmp_path: Path) -> None:
    first = settings_of(tmp_path)
    second = settings_of(tmp_path, url=f"sqlite:///{tmp_path / 'second.db'}")
    left_behind(first, "L1").close()
    left_behind(second, "L2").close()
    for settings, lead in ((first, "L1"), (second, "L2")):
        with open_ledger(settings) as ledger:
            assert sweep_journal(settings, ledger) == 0
            assert [state.lead for state in ledger.states()] == [lead]


def test_a_sweep_waits_for_the_services_and_tells_what_they_left(
    ledger_url: str, tmp_path: Path
) -> None:
    settings = settings_of(tmp_path, ledger_url)
    with open_ledger(settings) as ledger:
        assert sweep_journal(settings, ledger) == 0  # there is no journal yet
        living = left_behind(settings, "L1")
        left_behind(settings, "L2").close()
        assert sweep_journal(settings, ledger, seconds=0.1) == 1
        assert [state.lead for state in ledger.states()] == ["L2"]

        done = threading.Event()

        def serve() -> None:
            while not done.wait(0.01):
                if living.tidy():
                    Intake(living).take(ledger)

        service = threading.Thread(target=serve)
        service.start()
        assert sweep_journal(settings, ledger, seconds=30) == 0
        done.set()
        service.join()
        assert [state.lead for state in ledger.states()] == ["L1", "L2"]
        living.close()


def test_forgetting_a_lead_leaves_nothing_of_it_in_the_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(tmp_path)
    with open_ledger(settings) as ledger:
        ledger.record(
            [Event(event="won", lead="jane", happened_at=datetime(2025, 3, 1, tzinfo=UTC))]
        )
    left_behind(settings, "jane", "L2").close()
    done = forget_lead("jane", config=settings)
    assert (done.events, done.note) == (1, "")
    assert list((tmp_path / "journal").glob("*.journal")) == []
    with open_ledger(settings) as ledger:
        assert ledger.history("L2")
        assert not ledger.history("jane")
    monkeypatch.setattr("leadml.workflows.intake.SWEEP_SECONDS", 0.05)
    living = left_behind(settings, "jane")
    assert forget_lead("jane", config=settings).note == LEFT_IN_JOURNAL
    living.close()
