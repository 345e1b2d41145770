"""A person erased and old events taken out: the report stays what it was."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from leadml.data.simulate import simulate
from leadml.domain.event import Event
from leadml.errors import ConfigError
from leadml.settings import Settings, load_settings, settings_from
from leadml.store.ledger import Ledger
from leadml.workflows.ledger_erasure import forget_lead, known_events, moment_of_age, prune
from leadml.workflows.ledger_import import import_export
from leadml.workflows.report import report

NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Settings]:
    """Return a company in a ledger, copied anew for each test: its agreement holds since 2025."""
    folder = tmp_path_factory.mktemp("company")
    crm = simulate(900, seed=4, start=date(2024, 1, 1), days=600, feedback=True)
    text = crm.definition.replace('version = "1"', 'version = "1"\neffective_from = 2025-01-01')
    (folder / "leadml.toml").write_text(text)
    crm.leads.to_csv(folder / "leads.csv", index=False)
    import_export(folder / "leads.csv", config=folder / "leadml.toml")
    scores = [
        Event(
            event="scored",
            lead=lead,
            happened_at=datetime.fromisoformat(created) + timedelta(minutes=minute),
            model_version="1",
            detail={"probability": 0.1 + minute / 100, "points": 40.0 + minute},
        )
        for lead, created in crm.leads[["lead_id", "created_at"]].itertuples(index=False)
        for minute in (0, 5)
    ]
    with Ledger.open(load_settings(folder / "leadml.toml").store_url) as ledger:
        ledger.record(scores)
    whole = (folder / "leadml.db").read_bytes()

    def copy(target: Path) -> Settings:
        (target / "leadml.db").write_bytes(whole)
        (target / "leadml.toml").write_text(text)
        return load_settings(target / "leadml.toml")

    return copy


def reported(settings: Settings, folder: Path) -> dict[str, Any]:
    """Return the report."""
    return report(config=settings, output=folder / "report").to_dict()


def of_the_agreement(values: dict[str, Any]) -> dict[str, Any]:
    """Return a report without what it says of leads from before the agreement."""
    aside = ("data", "excluded_rows", "before_agreement", "uncertain")
    left = {key: value for key, value in values.items() if key not in aside}
    left["headline"] = [text for text in left["headline"] if "before the agreement" not in text]
    stages = [
        {name: value for name, value in stage.items() if name != "so_far"}
        for stage in left["funnel"]["stages"]
    ]
    return left | {"funnel": left["funnel"] | {"stages": stages}}


def test_the_report_is_the_same_before_and_after(
    company: Callable[[Path], Settings], tmp_path: Path
) -> None:
    settings = company(tmp_path)
    before = reported(settings, tmp_path)
    with Ledger.open(settings.store_url) as ledger:
        leads = [state.lead for state in ledger.states() if state.outcome == "won"][-2:]
    for lead in leads:
        assert known_events(lead, config=settings) > 3
        done = forget_lead(lead, config=settings)
        assert (done.events > 3, done.file_rewritten, done.note) == (True, True, "")
        assert known_events(lead, config=settings) == 0
    assert reported(settings, tmp_path) == before

    trial = prune("2025-12-31", config=settings, dry_run=True)
    done = prune("2025-12-31", config=settings)
    assert done.to_dict() == trial.to_dict() | {"dry_run": False}
    assert done.leads > 100  # handed off in 2024, and closed
    assert done.scores > 300  # the earlier one of two
    after = of_the_agreement(reported(settings, tmp_path))
    assert after == of_the_agreement(before)
    with Ledger.open(settings.store_url) as ledger:
        kept = list(ledger.states())
    # The latest event is of August 2025: hand-offs of the 400 days before it tell the pace.
    start = datetime(2024, 7, 1, tzinfo=UTC)
    assert not [s for s in kept if s.outcome and s.handed_off_at and s.handed_off_at < start]
    assert [s for s in kept if not s.outcome and s.handed_off_at and s.handed_off_at < start]
    assert prune("2025-12-31", config=settings).events == 0


def test_nothing_newer_goes(company: Callable[[Path], Settings], tmp_path: Path) -> None:
    settings = company(tmp_path)
    done = prune("2024-06-30", config=settings)
    with Ledger.open(settings.store_url) as ledger:
        histories = list(ledger.leads())
    assert done.leads > 20
    limit = datetime(2024, 6, 30, tzinfo=UTC)
    ended = [h for h in histories if max(s.event.happened_at for s in h) < limit]
    assert len(ended) < 60  # those not closed or never handed off
    assert len(histories) == 900 - done.leads


def test_without_a_beginning_every_lead_counts(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'l.db'}"
    settings = settings_from({"store": {"url": url}}, path=tmp_path / "leadml.toml")
    old = datetime(2020, 1, 1, tzinfo=UTC)
    told = {"probability": 0.1, "attributes": {"segment": "SMB"}}
    with Ledger.open(url) as ledger:
        ledger.record(
            [
                Event(event="scored", lead="A", happened_at=old, detail=told),
                Event(event="scored", lead="A", happened_at=old + timedelta(days=1),
                      detail={"probability": 0.2}),
                Event(event="scored", lead="A", happened_at=old + timedelta(days=2),
                      detail={"probability": 0.3}),
                Event(event="lost", lead="A", happened_at=old + timedelta(days=3)),
            ]
        )  # fmt: skip
        before = list(ledger.states())
        done = prune("1y", config=settings)
        # The first score alone tells the segment, the last one counts: only the second goes.
        assert (done.leads, done.scores, done.events) == (0, 1, 1)
        assert "effective_from is not set" in done.kept
        (after,) = ledger.states()
        assert after.to_dict() | {"events": 4} == before[0].to_dict()


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        ("730d", datetime(2024, 3, 31, 12, tzinfo=UTC)),
        ("2 weeks", datetime(2026, 3, 17, 12, tzinfo=UTC)),
        ("4y", datetime(2022, 3, 31, 12, tzinfo=UTC)),  # 1,461 days
        ("24 Months", NOW - timedelta(days=730.5)),
        ("2024-01-31", datetime(2024, 1, 30, 23, tzinfo=UTC)),
    ],
)
def test_ages_and_dates(age: str, expected: datetime) -> None:
    assert moment_of_age(age, NOW, "Europe/Berlin") == expected


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        ("730", "expected an age such as 730d, 24 months or 2y .*found '730'"),
        ("2 fortnights", "found '2 fortnights'"),
        ("", "found ''"),
        ("3m", "found '3m'"),  # minutes or months?
        ("2026-13-01", "--older-than: expected an ISO 8601 time"),
        ("2027-01-01", "lies in the future"),
    ],
)
def test_what_is_no_age_is_said(age: str, expected: str) -> None:
    with pytest.raises(ConfigError, match=expected):
        moment_of_age(age, NOW, "UTC")


def test_postgresql_says_what_is_left(postgresql_url: str, tmp_path: Path) -> None:
    settings = settings_from({"store": {"url": postgresql_url}}, path=tmp_path / "leadml.toml")
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    with Ledger.open(postgresql_url) as ledger:
        ledger.record([Event(event="lost", lead="A", happened_at=moment)])
    done = forget_lead("A", config=settings)
    assert (done.events, done.file_rewritten) == (1, False)
    assert "VACUUM FULL ledger_events" in done.note
