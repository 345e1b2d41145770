from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from math import exp
from typing import Any

import pytest

from leadml.errors import ConfigError, CrmBusy, CrmError
from leadml.settings import Settings
from leadml.store.intake import Forgotten
from leadml.store.ledger import Ledger
from leadml.workflows.crm.patience import Patience
from leadml.workflows.crm.sync import sync
from leadml.workflows.crm.synced import Synced
from leadml.workflows.crm.wording import BEGIN
from leadml.workflows.ledger_erasure import forget_lead

Run = Callable[..., Synced]
BIG = {"size": 2000, "source": "Ads"}
"""-1 + 1 + 0.5, and 0.25 for unknown visits: log-odds 0.75 on the day of its creation."""
SMALL = {"size": 10, "source": "Web"}
"""-1 + 0 - 0.5 + 0.25: -1.25."""


AWAY = "the CRM is away"


class Killed(BaseException):
    """Nothing in the program catches it, as nothing catches a kill."""


def share(log_odds: float) -> float:
    return 1 / (1 + exp(-log_odds))


@pytest.fixture
def run(memory: Any, wired: Settings, clock: Any) -> Run:
    def run(**how: Any) -> Synced:
        how = {"config": wired, "now": clock, "patience": Patience(sleep=clock.sleep)} | how
        return sync(memory, **how)

    return run


def events(settings: Settings, *kinds: str) -> list[tuple[str, str, datetime]]:
    """Return lead, kind and time of what the ledger holds, in order."""
    with Ledger.open(settings.store_url) as ledger:
        found = [stored.event for of_lead in ledger.leads() for stored in of_lead]
    kept = [(e.lead, e.event, e.happened_at) for e in found if not kinds or e.event in kinds]
    return sorted(kept)


def test_open_leads_get_their_score_there_and_in_the_ledger(
    memory: Any, wired: Settings, clock: Any, run: Run
) -> None:
    begun = clock.now
    memory.put("a", **BIG)
    memory.put("b", **SMALL)
    memory.put("c", stage="Won", closed=begun, worth=900.0, **BIG)
    clock.pass_by(seconds=1)
    done = run()
    assert memory.records["a"].score == pytest.approx(share(0.75), abs=1e-5)
    assert memory.records["b"].score == pytest.approx(share(-1.25), abs=1e-5)
    assert memory.records["c"].score is None
    assert memory.records["a"].text.startswith(f"{BEGIN}\n67.9 % (band A), 30 points: hand off\n")
    assert "size" in memory.records["a"].text
    scored = clock.now
    assert events(wired) == [
        ("a", "scored", scored), ("b", "scored", scored), ("c", "won", begun),
    ]  # fmt: skip
    with Ledger.open(wired.store_url) as ledger:
        (won,) = ledger.history("c")
        (given,) = ledger.history("a")
    assert won.event.detail["amount"] == 900
    assert given.event.detail["probability"] == memory.records["a"].score
    assert given.event.model_version == "3"
    assert (done.read, done.closed, done.scored, done.recorded, done.written) == (3, 1, 2, 2, 2)
    assert (done.pages, done.outcomes, done.failed) == (2, 1, 0)
    assert (done.since, done.resumed) == (None, False)


def test_a_second_sync_finds_nothing_to_do(
    memory: Any, wired: Settings, clock: Any, run: Run
) -> None:
    for key in "abcde":
        memory.put(key, **SMALL)
    run()
    known = events(wired)
    texts = [record.text for record in memory.records.values()]
    for minutes in (1, 30, 60 * 24 * 9):  # its own writing makes no lead new, nor does time
        clock.pass_by(minutes=minutes)
        done = run()
        assert (done.scored, done.written, done.recorded, done.outcomes) == (0, 0, 0, 0)
    assert events(wired) == known
    assert [record.text for record in memory.records.values()] == texts
    assert done.read == 0  # nine days later even the overlap is empty


def test_a_changed_lead_is_scored_anew(memory: Any, wired: Settings, clock: Any, run: Run) -> None:
    memory.put("a", **SMALL)
    memory.put("b", **SMALL)
    run()
    clock.pass_by(hours=1)
    memory.records["a"].text = "Jo: " + memory.records["a"].text
    memory.put("a", size=2000)
    memory.put("b", note="called")  # no feature, yet it may be one of the next version
    clock.pass_by(minutes=1)
    done = run()
    assert (done.read, done.scored, done.written, done.recorded) == (2, 2, 2, 2)
    aged = -0.1 * 61 / 60 / 24  # a tenth for each day
    assert memory.records["a"].score == pytest.approx(share(-0.25 + aged), abs=1e-5)
    assert memory.records["a"].text.startswith(f"Jo: {BEGIN}\n")
    assert memory.records["a"].text.count(BEGIN) == 1
    assert [lead for lead, *_ in events(wired)] == ["a", "a", "b", "b"]


def test_again_scores_what_only_time_has_moved(memory: Any, clock: Any, run: Run) -> None:
    memory.put("a", **SMALL)
    run()
    clock.pass_by(days=5)
    assert run(since="2026-01-01").unchanged == 1
    done = run(since="2026-01-01", again=True)
    assert (done.unchanged, done.written, done.recorded) == (0, 1, 1)
    assert memory.records["a"].score == pytest.approx(share(-1.75), abs=1e-5)


def test_what_becomes_of_leads_becomes_events(
    memory: Any, wired: Settings, clock: Any, run: Run
) -> None:
    begun = clock.now
    for key in "abc":
        memory.put(key, **SMALL)
    run()
    clock.pass_by(days=1)
    handed = clock.now
    for key in "abc":
        memory.put(key, handed=handed)
    run()
    clock.pass_by(days=1)
    closed = clock.now
    memory.put("a", stage="Won", closed=closed, worth=70)
    memory.put("b", stage="Lost", closed=closed)
    done = run()
    assert {kind: n for kind, n in done.by_event.items() if n} == {"won": 1, "lost": 1}
    clock.pass_by(days=1)
    memory.put("b", stage="Open", closed=None)
    memory.put("a", worth=75)
    run()
    told = [(lead, kind, at) for lead, kind, at in events(wired) if kind != "scored"]
    assert told == [
        ("a", "corrected", clock.now), ("a", "handed_off", handed), ("a", "won", closed),
        ("b", "handed_off", handed), ("b", "lost", closed), ("b", "reopened", clock.now),
        ("c", "handed_off", handed),
    ]  # fmt: skip
    with Ledger.open(wired.store_url) as ledger:
        states = {state.lead: state for state in ledger.states()}
    assert (states["a"].outcome, states["a"].amount, states["b"].outcome) == ("won", 75, None)
    assert all(state.score.model_version == "3" for state in states.values())
    assert events(wired, "scored")[0] == ("a", "scored", begun)
    before = events(wired)
    clock.pass_by(minutes=1)
    assert run(since="2026-01-01").by_event == dict.fromkeys(done.by_event, 0)
    assert events(wired) == before


@pytest.mark.parametrize("call", ["page", "write"])
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_killed_sync_goes_on_without_loss_or_doubles(
    memory: Any, wired: Settings, clock: Any, run: Run, call: str, when: str, number: int
) -> None:
    begun = clock.now
    for key in "abcde":
        memory.put(key, **SMALL)
    memory.put("f", stage="Won", closed=begun)

    def kill(named: str, count: int) -> None:
        if (named, count) == (call, number):
            raise Killed

    setattr(memory, when, kill)
    with pytest.raises(Killed):
        run()
    setattr(memory, when, lambda _call, _number: None)
    clock.pass_by(minutes=2)
    memory.calls.clear()
    done = run()
    pages_kept = number - 1  # the page it was killed in is read again, those before are not
    assert memory.calls[0] == ("page", (None, "abcdef"[2 * pages_kept - 1] if pages_kept else None))
    assert done.resumed is (pages_kept > 0)
    assert [record.writes for record in memory.records.values()] == [1, 1, 1, 1, 1, 0]
    assert [(lead, kind) for lead, kind, _ in events(wired)] == [
        *((lead, "scored") for lead in "abcde"), ("f", "won"),
    ]  # fmt: skip
    clock.pass_by(minutes=1)
    assert run().written == 0


def test_a_lead_changed_while_pages_are_read_is_not_missed(
    memory: Any, clock: Any, run: Run
) -> None:
    for key in "abcd":
        memory.put(key, **SMALL)

    def change(call: str, number: int) -> None:
        if (call, number) == ("page", 2):
            memory.put("a", **BIG)  # its page is done
            clock.pass_by(minutes=20)  # a slow sync: the next one begins where this one began

    memory.before = change
    run()
    assert memory.records["a"].score == pytest.approx(share(-1.25), abs=1e-3)
    memory.before = lambda _call, _number: None
    run()
    assert memory.records["a"].score > 0.6


def test_a_lead_changed_between_reading_and_writing_is_left_alone(
    memory: Any, clock: Any, run: Run
) -> None:
    memory.put("a", **SMALL)
    memory.put("b", **SMALL)

    def change(call: str, _number: int) -> None:
        if call == "write":
            clock.pass_by(seconds=1)
            memory.put("a", **BIG)

    memory.before = change
    done = run()
    assert (done.written, done.moved, done.failed) == (1, 1, 0)
    assert memory.records["a"].text == ""
    memory.before = lambda _call, _number: None
    assert run().written == 1
    assert memory.records["a"].score > 0.6


def test_what_goes_wrong_with_a_lead_costs_the_others_nothing(
    memory: Any, wired: Settings, run: Run
) -> None:
    memory.size = 10
    memory.put("a", **SMALL, created="yesterday")
    memory.put("b", **SMALL, locked=True)
    memory.put("c", **{**SMALL, "size": "very"})
    memory.put("d", **SMALL)
    memory.put("e", **SMALL, id="d", worth=7)
    memory.put("f", **SMALL, id=None)
    memory.put("g", **BIG)
    done = run()
    assert [(p.lead, p.code) for p in done.problems] == [
        ("a", "ROW001"), ("f", "ROW001"), ("d", "DATA011"), ("e", "DATA011"),
        ("c", "CRM001"), ("b", "CRM002"),
    ]  # fmt: skip
    assert "expected an ISO 8601 time, found 'yesterday'" in done.problems[0].problem
    assert "size: expected a number, found 'very'" in done.problems[4].problem
    assert done.problems[5].problem == "this record is locked"
    assert (done.read, done.unusable, done.scored, done.written) == (7, 5, 2, 1)
    assert (done.refused, done.failed) == (1, 6)
    assert memory.records["g"].writes == 1


def test_a_busy_crm_is_waited_for(memory: Any, clock: Any, run: Run) -> None:
    memory.put("a", **SMALL)

    def refuse(call: str, number: int) -> None:
        if (call, number) in {("page", 1), ("write", 1), ("write", 2)}:
            raise CrmBusy(AWAY, retry_after=30.0 if call == "page" else None)

    memory.before = refuse
    assert run().written == 1
    assert clock.slept == [30.0, 1.0, 2.0]


def test_a_crm_that_stays_away_ends_it_with_what_was_done_kept(
    memory: Any, wired: Settings, clock: Any, run: Run
) -> None:
    for key in "abcd":
        memory.put(key, **SMALL)

    def refuse(call: str, number: int) -> None:
        if call == "page" and number > 1:
            raise CrmBusy(AWAY)

    memory.before = refuse
    with pytest.raises(
        CrmBusy, match=r"is away \(6 times in a row\): what was done so far is kept"
    ):
        run()
    memory.before = lambda _call, _number: None
    done = run()
    assert (done.resumed, done.read, done.written) == (True, 2, 2)


def test_a_dry_run_changes_nothing(memory: Any, wired: Settings, run: Run) -> None:
    memory.put("a", **SMALL)
    memory.put("b", stage="Lost", closed=memory.clock.now)
    done = run(dry_run=True)
    assert (done.scored, done.recorded, done.written, done.outcomes) == (1, 1, 0, 1)
    assert memory.records["a"].text == ""
    assert [path.name for path in wired.root.iterdir()] == ["models"]
    assert run().written == 1


def test_a_forgotten_lead_is_neither_scored_nor_kept(
    memory: Any, wired: Settings, clock: Any, run: Run
) -> None:
    memory.put("a", **SMALL)
    run()
    forget_lead("a", config=wired)
    clock.pass_by(minutes=1)
    memory.put("a", **BIG)
    memory.put("b", **SMALL)
    done = run()
    assert (done.forgotten, done.scored, done.written, done.failed) == (1, 1, 1, 0)
    assert memory.records["a"].writes == 1
    assert [lead for lead, *_ in events(wired)].count("a") == 0


def test_a_new_champion_scores_what_is_read(
    memory: Any, wired: Settings, make_model: Any, clock: Any, run: Run
) -> None:
    memory.put("a", **SMALL)
    run()
    make_model(definition=wired.definition, version="4")
    assert run().written == 1
    assert "\nversion 4, " in memory.records["a"].text


def test_since_reads_from_a_date_of_the_configured_zone(memory: Any, run: Run) -> None:
    memory.put("a", **SMALL)
    done = run(since="2026-03-02")
    assert done.to_dict()["since"] == "2026-03-01T23:00:00+00:00"  # midnight in Berlin
    with pytest.raises(ConfigError, match=r"--since: expected an ISO 8601 time, found 'March'"):
        run(since="March")


def test_since_leaves_no_gap_behind(memory: Any, clock: Any, run: Run) -> None:
    run()
    clock.pass_by(days=3)
    memory.put("a", **SMALL)
    clock.pass_by(days=3)
    memory.put("b", **SMALL)
    done = run(since="2026-03-07")
    assert done.read == 1
    assert any("--since lies after the last sync" in warning for warning in done.warnings)
    assert memory.records["a"].score is None
    assert run().written == 1
    assert memory.records["a"].writes == memory.records["b"].writes == 1


def test_columns_the_model_wants_and_does_not_get_are_told(memory: Any, run: Run) -> None:
    memory.put("a", source="Ads")
    (warning,) = run().warnings
    assert warning == (
        "version 3 reads columns that memory does not give: seen, size; they count as missing in "
        "every lead"
    )


def test_a_configuration_that_differs_from_the_champions_is_told(
    memory: Any, wired: Settings, run: Run
) -> None:
    leads = replace(wired.definition.leads, ignore=())
    other = replace(wired, definition=replace(wired.definition, leads=leads))
    memory.put("a", **SMALL, seen=None)
    (warning,) = run(config=other).warnings
    assert warning.startswith("leadml.toml differs from what version 3 was trained under")


@pytest.mark.parametrize("key", ["id", "outcome", "won", "lost"])
def test_a_mapping_that_lacks_what_a_sync_needs_is_refused(
    key: str, wired: Settings, run: Run
) -> None:
    leads = replace(wired.definition.leads, **{key: () if key == "won" else None})
    other = replace(wired, definition=replace(wired.definition, leads=leads))
    with pytest.raises(ConfigError, match=rf"^\[leads\]\.{key} is not set in the settings: "):
        run(config=other)


def test_a_crm_without_the_mapped_columns_is_refused(memory: Any, run: Run) -> None:
    memory.put("a", **SMALL)
    del memory.records["a"].columns["stage"]
    with pytest.raises(ConfigError, match=r"no column 'stage', which \[leads\]\.outcome names"):
        run()


def test_a_connector_that_does_not_go_on_is_stopped(memory: Any, run: Run) -> None:
    for key in "abcd":
        memory.put(key, **SMALL)
    honest = memory.page
    memory.page = lambda since, _after: honest(since, None)
    with pytest.raises(CrmError, match=r"memory one does not go on after b"):
        run()


def test_progress_goes_from_page_to_page(memory: Any, run: Run) -> None:
    for key in "abcd":
        memory.put(key, **SMALL)
    told: list[tuple[str, float]] = []
    run(progress=lambda *step: told.append(step))
    assert told == [("2 leads read, 2 written", 0.5), ("4 leads read, 4 written", 1.0)]


def test_the_same_score_as_the_service_is_not_recorded_twice(
    memory: Any, wired: Settings, clock: Any, run: Run
) -> None:
    from leadml.workflows.score import load_scorer
    from leadml.workflows.scored_event import score_of, telling_of

    memory.put("a", **SMALL)
    scorer = load_scorer(config=wired)
    sent = {**memory.records["a"].columns, "created": clock.now.isoformat()}
    (answer,) = scorer.score_records([sent], now=clock.now)
    scored = telling_of(scorer).event(answer.to_dict(), sent, [sent, None, None])
    assert scored is not None
    with Ledger.open(wired.store_url) as ledger:
        ledger.take([score_of(scored.entry)], Forgotten())
    clock.pass_by(minutes=9)
    done = run()
    assert (done.written, done.recorded) == (1, 0)
    assert len(events(wired)) == 1


def test_a_late_change_within_the_overlap_is_read(memory: Any, clock: Any, run: Run) -> None:
    run()
    begun = clock.now
    memory.put("late", **SMALL)
    memory.records["late"].changed = begun - timedelta(minutes=4)  # a slow clock, a long saving
    memory.put("old", **SMALL)
    memory.records["old"].changed = begun - timedelta(minutes=6)
    clock.pass_by(minutes=1)
    run()
    assert memory.records["late"].writes == 1
    assert memory.records["old"].writes == 0


def test_a_record_that_takes_no_score_gets_none(memory: Any, wired: Settings, run: Run) -> None:
    memory.put("a", **SMALL, frozen=True, handed=memory.clock.now)
    memory.put("b", **SMALL)
    done = run()
    assert (done.closed, done.scored, done.by_event["handed_off"]) == (1, 1, 1)
    assert [(lead, kind) for lead, kind, _ in events(wired)] == [
        ("a", "handed_off"),
        ("b", "scored"),
    ]


def test_a_score_that_stands_in_the_crm_is_not_taken_for_another(
    memory: Any, wired: Settings, run: Run
) -> None:
    leads = replace(wired.definition.leads, probability="score", points="total")
    other = replace(wired, definition=replace(wired.definition, leads=leads))
    memory.put("a", **SMALL, score=0.5, total=7, stage="Lost", closed=memory.clock.now)
    run(config=other)
    assert [kind for _, kind, _ in events(wired)] == ["lost"]
