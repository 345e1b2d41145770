"""A CRM's export on its way into the ledger."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from leadml.data.simulate import simulate
from leadml.domain.event import Event
from leadml.errors import ConfigError, DataError
from leadml.settings import Settings, settings_from
from leadml.store.erasure import forget
from leadml.store.ledger import Ledger
from leadml.workflows import ledger_import
from leadml.workflows.export_words import margin_in_money
from leadml.workflows.ledger_import import Imported, import_export
from leadml.workflows.ledger_leads import ledger_definition, ledger_leads
from leadml.workflows.reading import read_leads
from leadml.workflows.report import report, report_values

NOW = datetime(2026, 6, 1, tzinfo=UTC)
LEADS = {
    "id": "id",
    "outcome": "stage",
    "won": ["Won"],
    "lost": ["Lost"],
    "timezone": "Europe/Berlin",
    "created_at": "created",
    "handed_off_at": "handed",
    "accepted_at": "accepted",
    "rejected_at": "rejected",
    "rejection_reason": "why",
    "followed_up_at": "touched",
    "closed_at": "closed",
    "outcome_recorded_at": "written",
    "account": "company",
    "owner": "rep",
    "source": "origin",
    "amount": "amount",
    "margin": "margin",
}
HEADER = (
    "id,created,handed,accepted,rejected,why,touched,stage,closed,written,company,rep,origin,"
    "amount,margin"
)
ROWS = (
    "L1,2026-01-01,2026-01-02,2026-01-03,,,2026-01-04,Won,2026-02-01,2026-02-03,Acme,Ann,Web,"
    "1000,0.25",
    "L2,2026-01-01,2026-01-05,,2026-01-06,Kein Budget,,Lost,2026-01-07,,Bolt,Bob,Fair,,",
    "L3,2026-01-01,2026-01-05,,2026-01-06,Timing,,Open,,,Bolt,,,,",
    "L4,2026-01-01,,,,,,Open,,,Cone,,Web,,",
)


@pytest.fixture
def settings(ledger_url: str, tmp_path: Path) -> Settings:
    return settings_of(ledger_url, tmp_path)


def settings_of(url: str, folder: Path, leads: dict[str, Any] = LEADS) -> Settings:
    content = {"leads": leads, "store": {"url": url}}
    return settings_from(content, path=folder / "leadml.toml")


def export(folder: Path, *rows: str) -> Path:
    path = folder / "crm.csv"
    path.write_text("\n".join((HEADER, *rows)) + "\n", encoding="utf-8")
    return path


def imported(folder: Path, settings: Settings, *rows: str, **options: Any) -> Imported:
    return import_export(export(folder, *rows), config=settings, now=NOW, **options)


def states(settings: Settings) -> dict[str, Any]:
    with Ledger.open(settings.store_url) as ledger:
        return {state.lead: state for state in ledger.states()}


def test_each_row_becomes_what_happened(settings: Settings, tmp_path: Path) -> None:
    done = imported(tmp_path, settings, *ROWS)
    assert {kind: n for kind, n in done.by_event.items() if n} == {
        "handed_off": 3, "accepted": 1, "rejected": 2, "followed_up": 1, "won": 1, "lost": 1,
    }  # fmt: skip
    counts = (done.rows, done.recorded, done.corrected, done.changed, done.unchanged)
    assert counts == (4, 9, 0, 3, 0)
    assert (done.not_begun, done.refused, done.other_reasons) == (1, 0, {"Timing": 1})
    found = states(settings)
    assert set(found) == {"L1", "L2", "L3"}
    first = found["L1"]
    # Dates are read at 00:00 in Berlin: 23:00 of the day before in UTC.
    assert first.handed_off_at == datetime(2026, 1, 1, 23, tzinfo=UTC)
    assert first.created_at == datetime(2025, 12, 31, 23, tzinfo=UTC)
    assert first.closed_at == datetime(2026, 1, 31, 23, tzinfo=UTC)
    assert first.outcome_recorded_at == datetime(2026, 2, 2, 23, tzinfo=UTC)
    assert (first.outcome, first.amount, first.margin_amount) == ("won", 1000.0, 250.0)
    assert (first.account, first.owner, dict(first.attributes)) == (
        "Acme",
        "Ann",
        {"source": "Web"},
    )
    assert (found["L2"].state, found["L2"].rejection_reason) == ("lost", "no_budget")
    assert (found["L3"].state, found["L3"].rejection_reason) == ("rejected", "other")
    assert found["L3"].rejection_text == "Timing"


def test_the_same_export_twice_adds_nothing(settings: Settings, tmp_path: Path) -> None:
    imported(tmp_path, settings, *ROWS)
    before = states(settings)
    again = imported(tmp_path, settings, *ROWS)
    assert (again.recorded, again.corrected, again.changed) == (0, 0, 0)
    assert (again.rows, again.unchanged, again.not_begun) == (4, 3, 1)
    assert states(settings) == before


def test_only_changes_are_added(settings: Settings, tmp_path: Path) -> None:
    imported(tmp_path, settings, *ROWS)
    reopened = ROWS[0].replace("Won,2026-02-01,2026-02-03", "Open,,")
    moved = ROWS[1].replace("2026-01-05", "2026-01-04")
    won = ROWS[2].replace("Open,", "Won,2026-03-01")
    handed = ROWS[3].replace("2026-01-01,", "2026-01-01,2026-03-02", 1)
    done = imported(tmp_path, settings, reopened, moved, won, handed)
    assert {kind: n for kind, n in done.by_event.items() if n} == {
        "reopened": 1, "corrected": 1, "won": 1, "handed_off": 1,
    }  # fmt: skip
    assert (done.recorded, done.corrected, done.changed, done.unchanged) == (3, 1, 4, 0)
    found = states(settings)
    assert (found["L1"].state, found["L1"].outcome) == ("open", None)
    assert found["L2"].handed_off_at == datetime(2026, 1, 3, 23, tzinfo=UTC)
    assert found["L3"].outcome == "won"
    assert found["L4"].handed_off_at == datetime(2026, 3, 1, 23, tzinfo=UTC)


def test_a_lead_that_is_gone_says_nothing(settings: Settings, tmp_path: Path) -> None:
    imported(tmp_path, settings, *ROWS)
    before = states(settings)
    assert imported(tmp_path, settings, ROWS[0]).changed == 0
    assert states(settings) == before


def test_rows_that_cannot_be_used_are_named_and_the_others_kept(
    settings: Settings, tmp_path: Path
) -> None:
    done = imported(
        tmp_path,
        settings,
        ROWS[0],
        ROWS[0],  # a repeat counts once
        ROWS[1],
        ROWS[1].replace("Kein Budget", "Duplicate"),  # the same lead otherwise: neither is used
        ROWS[2].replace("L3", ""),
        ROWS[2].replace("2026-01-05", "2026-13-05"),
        "W,,,,,,,Won,,,Acme,,,,",
        "R,2026-01-01,2026-01-02,,,No need,,Open,,,Acme,,,,",
        "F,2026-01-01,2099-01-02,,,,,Open,,,Acme,,,,",
        "N,2026-01-01,2026-01-02,,,No reply,,Lost,2026-01-09,,Acme,,,,",
    )
    problems = [(refusal.place, refusal.code) for refusal in done.refusals]
    assert problems == [
        ("line 6", "ROW001"),
        ("line 7", "ROW001"),
        ("line 4", "DATA011"),
        ("line 5", "DATA011"),
        ("line 8", "LEDG001"),
        ("line 9", "LEDG002"),
        ("line 10", "LEDG003"),
    ]
    words = " ".join(refusal.problem for refusal in done.refusals)
    assert "no lead id" in words
    assert "won without a time of closing or any other" in words
    assert "handed_off: happened_at 2099-01-01T23:00:00+00:00 lies more than 5 minutes" in words
    assert done.refused_by_code == {
        "ROW001": 2, "DATA011": 2, "LEDG001": 1, "LEDG002": 1, "LEDG003": 1,
    }  # fmt: skip
    assert (done.rows, done.changed, done.unchanged, done.refused) == (10, 2, 1, 7)
    found = states(settings)
    assert set(found) == {"L1", "R", "N"}
    # A reason without a time: rejected when it was lost.
    assert found["N"].rejected_at == found["N"].closed_at == datetime(2026, 1, 8, 23, tzinfo=UTC)


def test_a_forgotten_lead_is_refused(settings: Settings, tmp_path: Path) -> None:
    imported(tmp_path, settings, *ROWS)
    with Ledger.open(settings.store_url) as ledger:
        forget(ledger, "L1")
    done = imported(tmp_path, settings, *ROWS)
    assert (done.changed, done.unchanged, done.refused_by_code) == (0, 2, {"LEDG004": 1})
    assert "L1" not in states(settings)


def test_a_trial_keeps_nothing(settings: Settings, tmp_path: Path) -> None:
    trial = imported(tmp_path, settings, *ROWS, dry_run=True)
    assert (trial.recorded, trial.dry_run) == (9, True)
    assert states(settings) == {}
    kept = imported(tmp_path, settings, *ROWS).to_dict()
    assert kept | {"dry_run": True} == trial.to_dict()
    assert imported(tmp_path, settings, ROWS[0].replace("Won", "Lost"), dry_run=True).corrected == 1
    assert states(settings)["L1"].outcome == "won"


def test_a_trial_makes_no_file(tmp_path: Path) -> None:
    settings = settings_of(f"sqlite:///{tmp_path / 'none.db'}", tmp_path)
    done = imported(tmp_path, settings, *ROWS, dry_run=True)
    assert done.recorded == 9
    assert done.database == f"sqlite:///{tmp_path / 'none.db'}"
    assert not (tmp_path / "none.db").exists()


def test_what_was_cut_short_is_made_whole_by_another_import(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_import, "LEADS_AT_ONCE", 2)

    def cut(step: str, share: float) -> None:
        if share > 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        imported(tmp_path, settings, *ROWS, progress=cut)
    assert set(states(settings)) == {"L1", "L2"}  # the first two whole, of the others nothing
    done = imported(tmp_path, settings, *ROWS)
    assert (done.changed, done.unchanged) == (1, 2)
    assert set(states(settings)) == {"L1", "L2", "L3"}


def test_an_older_export_takes_nothing_back(settings: Settings, tmp_path: Path) -> None:
    won = [f"M{n},2026-01-01,2026-01-02,,,,,Won,2026-03-01,,,,,9,0.5" for n in range(20)]
    imported(tmp_path, settings, ROWS[0], *won)
    still_open = [row.replace("Won,2026-03-01", "Open,") for row in won]
    done = imported(tmp_path, settings, ROWS[0], *still_open)
    assert (done.recorded, done.corrected, done.unchanged) == (0, 0, 21)
    (note,) = [note for note in done.notes if note["code"] == "LEDG005"]
    assert "20 or more events after 2026-01-31T23:00:00+00:00" in note["message"]
    fewer = imported(tmp_path, settings, ROWS[0].replace("2026-02-01", "2026-03-02"), *still_open)
    assert fewer.by_event["reopened"] == 20  # an export of later days may say so


def test_scores_that_the_crm_holds_bring_their_leads_in(ledger_url: str, tmp_path: Path) -> None:
    settings = settings_of(ledger_url, tmp_path, LEADS | {"points": "points"})
    frame = pd.read_csv(export(tmp_path, *ROWS), dtype="str").assign(points=["80", "", "10", "20"])
    done = import_export(frame, config=settings, now=NOW)
    assert (done.by_event["scored"], done.not_begun) == (3, 0)
    found = states(settings)
    assert found["L4"].state == "scored"
    assert (found["L4"].score.points, dict(found["L4"].attributes)) == (20.0, {"source": "Web"})
    assert found["L1"].score.scored_at == found["L1"].handed_off_at
    assert import_export(frame, config=settings, now=NOW).changed == 0


@pytest.mark.parametrize(
    ("missing", "expected"),
    [
        ("id", "knows leads by their ids"),
        ("handed_off_at", "the report judges hand-offs"),
        ("won", r"list the outcome's values that mean won"),
    ],
)
def test_what_the_ledger_needs_must_be_mapped(missing: str, expected: str, tmp_path: Path) -> None:
    leads = {key: value for key, value in LEADS.items() if key != missing}
    settings = settings_of("sqlite:///none.db", tmp_path, leads)
    with pytest.raises(ConfigError, match=rf"\[leads\].{missing} is not set.*{expected}"):
        imported(tmp_path, settings, *ROWS)


def test_an_export_without_closing_times(settings: Settings, tmp_path: Path) -> None:
    leads = {key: value for key, value in LEADS.items() if key != "closed_at"}
    mapped = settings_of(settings.store_url, tmp_path, leads)
    done = imported(tmp_path, mapped, *ROWS)
    assert (done.by_event["won"], done.by_event["lost"], done.refused) == (1, 1, 0)
    found = states(settings)
    assert (
        found["L1"].closed_at == found["L1"].followed_up_at == datetime(2026, 1, 3, 23, tzinfo=UTC)
    )
    assert found["L2"].closed_at == found["L2"].rejected_at
    assert imported(tmp_path, mapped, *ROWS).changed == 0


def test_a_column_that_is_not_there_is_named(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "other.csv"
    path.write_text("id,stage\nL1,Won\n")
    with pytest.raises(DataError, match=r"has no column .* which \[leads\]"):
        import_export(path, config=settings)


def test_reasons_of_a_list_without_other(tmp_path: Path) -> None:
    content = {
        "leads": LEADS,
        "store": {"url": f"sqlite:///{tmp_path / 'l.db'}"},
        "rejections": {"reasons": ["no_budget"]},
    }
    settings = settings_from(content, path=tmp_path / "leadml.toml")
    done = imported(tmp_path, settings, *ROWS)
    assert done.refused_by_code == {"LEDG002": 1}
    assert "found 'Timing'; add other to the list" in done.refusals[0].problem
    assert done.by_event["rejected"] == 1


def test_what_the_service_recorded_stands(settings: Settings, tmp_path: Path) -> None:
    moment = datetime(2026, 1, 2, 8, tzinfo=UTC)
    with Ledger.open(settings.store_url) as ledger:
        ledger.record(
            [
                Event(event="handed_off", lead="L1", happened_at=moment, owner="Ann"),
                Event(event="won", lead="L1", happened_at=datetime(2026, 2, 1, 9, tzinfo=UTC)),
            ]
        )
    done = imported(tmp_path, settings, ROWS[0])
    # The export has dates alone, and these events happened on those days.
    assert {kind: n for kind, n in done.by_event.items() if n} == {
        "accepted": 1, "followed_up": 1, "corrected": 1,
    }  # fmt: skip
    state = states(settings)["L1"]
    assert (state.handed_off_at, state.account) == (moment, "Acme")


def test_a_margin_in_money_is_as_solid_as_its_fraction(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    amount = rng.integers(1, 10_000, 5000) * 1.0
    fraction = np.round(rng.random(5000), 2)
    frame = pd.DataFrame({"id": range(5000), "amount": amount, "margin": fraction})
    leads = {"id": "id", "amount": "amount", "margin": "margin"}
    read = read_leads(frame, config=settings_from({"leads": leads}, path=tmp_path / "leadml.toml"))
    profit = margin_in_money(read)
    assert profit is not None
    assert ((fraction * amount) / amount < fraction).any()  # or there would be nothing to test
    assert (profit / amount >= fraction).all()
    np.testing.assert_allclose(profit, fraction * amount, rtol=1e-15)


def test_the_report_is_that_of_the_export(tmp_path: Path) -> None:
    crm = simulate(1200, seed=3, feedback=True)
    path = tmp_path / "leadml.toml"
    path.write_text(crm.definition + f'\n[store]\nurl = "sqlite:///{tmp_path / "l.db"}"\n')
    crm.leads.to_csv(tmp_path / "leads.csv", index=False)
    import_export(tmp_path / "leads.csv", config=path)
    of_export = report(tmp_path / "leads.csv", config=path, output=tmp_path / "a").to_dict()
    of_ledger = report(config=path, output=tmp_path / "b").to_dict()
    for key in (
        "verdict", "handed_off", "matured", "followed_up", "won", "won_after_late_follow_up",
        "follow_up_share", "close_rate", "by", "over_time", "as_of", "closed_in_bulk",
        "margin_checked",
    ):  # fmt: skip
        assert of_ledger[key] == of_export[key], key
    reasons = {row["reason"]: row["leads"] for row in of_ledger["rejections"]["reasons"]}
    assert reasons["no_budget"] > 20
    assert of_ledger["rejections"]["rejected"] == of_export["rejections"]["rejected"]


def test_dates_of_follow_ups_and_wins_without_a_time_mean_what_they_mean_in_the_export(
    tmp_path: Path,
) -> None:
    # Handed off at noon and called on that day's date; half of them won, nobody says when.
    rows = [
        f"L{n},2026-01-01,2026-01-05 12:00,,,,2026-01-05,{'Won' if n % 2 else 'Lost'},"
        f"{'' if n % 2 else '2026-02-01'},,,,Web,1000,0.25"
        for n in range(60)
    ]
    settings = settings_of(f"sqlite:///{tmp_path}/ledger.db", tmp_path)
    assert imported(tmp_path, settings, *rows).refused == 0
    assert imported(tmp_path, settings, *rows).recorded == 0
    of = {"config": settings, "as_of": "2026-05-30"}
    for leads in (tmp_path / "crm.csv", None):
        told = report_values(leads, **of)  # type: ignore[arg-type]
        assert (told["matured"], told["followed_up"], told["won"]) == (60, 60, 30)


def test_a_win_in_time_is_not_undone_by_what_follows_the_horizon(tmp_path: Path) -> None:
    settings = settings_of(f"sqlite:///{tmp_path}/ledger.db", tmp_path)
    won = "L{},2026-01-01,2026-01-05,,,,2026-01-06,Won,2026-01-20,,,,Web,1000,0.25"
    rows = [won.format(n) for n in range(9)]
    imported(tmp_path, settings, *rows)
    reopened = [row.replace("Won,2026-01-20", "Open,") for row in rows]
    reopened.append("New,2026-05-20,2026-05-21,,,,,Open,,,,,Web,,")
    assert imported(tmp_path, settings, *reopened).by_event["reopened"] == 9
    told = report_values(config=settings, as_of="2026-05-30")
    assert (told["matured"], told["won"]) == (9, 9)
    (sentence,) = [one for one in told["uncertain"] if "reopened" in one]
    assert sentence.startswith("9 leads won in time and reopened or lost after the horizon")


def test_a_time_ahead_of_the_clock_is_not_now(tmp_path: Path) -> None:
    rows = [
        f"L{n},2026-01-01,2026-01-05,,,,{'2062' if n == 7 else '2026'}-01-06,Open,,,,,Web,,"
        for n in range(9)
    ]
    settings = settings_of(f"sqlite:///{tmp_path}/ledger.db", tmp_path)
    told = report_values(export(tmp_path, *rows), config=settings)
    assert (told["as_of"], told["matured"]) == ("2026-01-05T23:00:00.000000Z", 0)
    (note,) = [note for note in told["notes"] if note["code"] == "TIME005"]
    assert (note["count"], note["severity"]) == (1, "warning")


def test_the_ledgers_own_definition_keeps_the_agreement(settings: Settings, tmp_path: Path) -> None:
    imported(tmp_path, settings, *ROWS)
    with Ledger.open(settings.store_url) as ledger:
        leads = ledger_leads(ledger)
    definition = ledger_definition(settings.definition, leads)
    assert definition.agreement == settings.definition.agreement
    assert definition.leads.timezone == "Europe/Berlin"
    assert definition == replace(settings.definition, leads=definition.leads)
