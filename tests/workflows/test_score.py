"""The one scoring path: an answer worked by hand, and what may and may not change it."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leadml.domain.agreement import Agreement
from leadml.domain.definition import Definition
from leadml.domain.handoff import HandoffPolicy
from leadml.domain.points_table import PointsTable
from leadml.errors import ModelError
from leadml.model.candidates import boosted
from leadml.model.eventually import Eventually
from leadml.model.peers import FeaturePeers, Group, Peers
from leadml.model.reasons import EXACT
from leadml.model.scorecard import Levels, Machine, Scorecard, Steps
from leadml.model.trend import Trend
from leadml.model.value import Ranks, Unknown, Value
from leadml.settings import Settings
from leadml.workflows.score import Answer, Scorer, iso, load_scorer

NOW = datetime(2024, 6, 1, 12, tzinfo=UTC)
LEAD = {"id": "a", "created": "2024-05-22T12:00Z", "size": 2000, "source": "Web"}
VISITS = [
    {"timestamp": "2024-05-31T12:00Z", "event": "visit"},
    {"timestamp": "2024-05-25T12:00Z", "event": "visit"},
]

Make = Callable[..., Settings]


@pytest.fixture
def scorer(make_model: Make) -> Scorer:
    return load_scorer(config=make_model())


def one(scorer: Scorer, activities: Any = VISITS, **changes: object) -> Answer:
    (answer,) = scorer.score_records([LEAD | changes], [activities], now=NOW)
    return answer


def reason(feature: str, value: object, effect: float, text: str) -> dict[str, object]:
    """Return a reason of a version without peers."""
    way = "up" if effect > 0 else "down"
    own = {"feature": feature, "value": value, "effect": effect, "direction": way}
    return own | {"text": text, "peers": None}


def test_an_answer_worked_by_hand(scorer: Scorer) -> None:
    # constant -1; size above 1000: +1; Web: -.5; two visits on a line to 2 at four: +1;
    # ten days old: -1; never seen elsewhere: 0. Log-odds -.5; points 30 + 2 * 5 = 40.
    assert one(scorer).to_dict() == {
        "lead_id": "a",
        "probability": pytest.approx(1 / (1 + math.exp(0.5)), abs=1e-15),
        "sales_ready": False,
        "basis": "guaranteed",
        "cut": 0.5,
        "band": "B",
        "probability_eventually": None,  # this version does not tell
        "stage": None,
        "expected_margin": None,
        "expected_margin_low": None,
        "expected_margin_high": None,
        "priority": None,
        "hand_off": False,
        "explored": False,
        "handoff_probability": 0.0,
        "must_follow_up": False,
        "points": 40.0,
        "points_ready": True,
        "reasons": [
            reason("size", 2000.0, 1.0, "size = 2000"),
            reason("visit: times in 7 days", 2.0, 1.0, "visit: 2 times in 7 days"),
            reason("age in days", 10.0, -1.0, "age in days = 10"),
            reason("source", "Web", -0.5, "source is Web"),
        ],
        "reasons_sum": {
            "kind": "exact",
            "base": -1.0,  # the mean lead's terms are 0 in this model
            "shown": 0.5,
            "rest": 0.0,
            "total": -0.5,
            "note": EXACT,
        },
        "model_version": "3",
        "scored_at": "2024-06-01T12:00:00+00:00",
        "as_of": "2024-06-01T12:00:00.000000Z",
        "points_bucket": "A",
        "grade": "A1",  # all of the fit points, and more visits than the one attainable
        "points_rules": [
            {"rule": "large", "group": "fit", "points": 30.0},
            {"rule": "visits", "group": "page", "points": 10.0},
        ],
        "warnings": [],
        "errors": [],
    }


class TestWorth:
    CARD = Scorecard(math.log(1000), (Steps(0, (1000.0,), (0.0, math.log(3)), 0.0),))
    RANKS = Ranks((100.0, 1100.0), (0.25, 0.75), 500.0)

    def test_probability_times_the_margin_given_a_win_and_its_bounds(
        self, make_model: Make
    ) -> None:
        # log-odds -.5: p = .37754; size above 1000: 3000 given a win, so 1132.6 but for the
        # factor of 1.2; bounds .5 and 2 of it. 1359.1 lies 259.1 above all training leads.
        value = Value(
            ranks=self.RANKS,
            basis="model",
            card=self.CARD,
            unknown=Unknown(1.2, 0.5, 2.0),
            mean=1700.0,
        )
        answer = one(load_scorer(config=make_model(value=value)))
        plain = 3000 / (1 + math.exp(0.5))
        assert answer.expected_margin == pytest.approx(1.2 * plain)
        assert answer.expected_margin_low == pytest.approx(0.5 * plain)
        assert answer.expected_margin_high == pytest.approx(2 * plain)
        beyond = (1.2 * plain - 1100) / 500
        assert answer.priority == pytest.approx(75 + 25 * beyond / (1 + beyond))

    def test_without_money_the_probability_ranks(self, make_model: Make) -> None:
        value = Value(ranks=Ranks((0.1, 0.9), (0.25, 0.75), 0.2))
        answer = one(load_scorer(config=make_model(value=value)))
        assert (answer.expected_margin, answer.expected_margin_high) == (None, None)
        p = 1 / (1 + math.exp(0.5))
        assert answer.priority == pytest.approx(25 + 50 * (p - 0.1) / 0.8)

    def test_a_lead_with_an_error_has_none(self, make_model: Make) -> None:
        value = Value(ranks=self.RANKS, basis="mean", mean=10.0)
        answer = one(load_scorer(config=make_model(value=value)), size="huge")
        assert answer.errors
        assert (answer.expected_margin, answer.priority) == (None, None)


def log_odds(answer: Answer) -> float:
    assert answer.probability is not None
    return math.log(answer.probability / (1 - answer.probability))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"size": None}, -2.0),  # -.5 instead of +1
        ({"size": "1,000"}, -1.5),  # 1000 is not above 1000
        ({"source": "Fair"}, 0.0),  # rare: 0 instead of -.5
        ({"source": None}, -0.25),
        ({"created": None}, 0.5),  # no age
        ({"seen": "2024-05-27T12:00Z"}, -0.35),  # five days: +.15
        (
            {"handed": "2024-05-27T12:00Z"},
            -0.5,
        ),  # judged then: five days old (+.5), one visit (-.5)
    ],
)
def test_each_part_of_it(scorer: Scorer, changes: dict[str, object], expected: float) -> None:
    assert log_odds(one(scorer, **changes)) == pytest.approx(expected, abs=1e-12)


def test_a_trend_is_added_as_of_the_moment_judged(make_model: Make, scorer: Scorer) -> None:
    # .01 a day from 22 May 2024, for ten days: -.5 + .1 on 1 June; an earlier hand-off, less
    zero = int(datetime(2024, 5, 22, 12, tzinfo=UTC).timestamp()) * 10**6
    trend = Trend(0.01, zero, zero, zero + 10 * 86_400_000_000)
    machine = replace(scorer.bundle.machine, trend=trend)
    moving = load_scorer("4", config=make_model(version="4", machine=machine))
    assert log_odds(one(moving)) == pytest.approx(-0.4, abs=1e-12)
    assert one(moving).reasons == one(scorer).reasons
    handed = {"handed": "2024-05-27T12:00Z"}  # five days: -.5 + .05
    assert log_odds(one(moving, **handed)) == pytest.approx(-0.45, abs=1e-12)
    both = moving.score_records([LEAD, LEAD | handed], [VISITS, VISITS], now=NOW)
    alone = [one(moving), one(moving, **handed)]
    assert [answer.probability for answer in both] == [answer.probability for answer in alone]


class TestStage:
    # log-odds -.5 is .378; a chance of 1/3 afterwards makes that .378 + .622 / 3 = .585
    LATE = Eventually(horizon_days=180.0, form="base_rate", intercept=math.log(0.5))

    def stage(self, make_model: Make, cut: float | None, basis: str, **changes: object) -> Any:
        threshold = {"probability": cut, "basis": basis}
        changes = {"eventually": self.LATE} | changes
        answer = one(load_scorer(config=make_model(threshold=threshold, **changes)))
        return answer.stage, answer.probability_eventually, answer.sales_ready

    @pytest.mark.parametrize(
        ("cut", "stage"),
        [(0.37, "sales_ready_now"), (0.38, "nurture"), (0.58, "nurture"), (0.59, "not_qualified")],
    )
    def test_a_lead_below_the_cut_that_reaches_it_in_the_end_is_to_nurture(
        self, make_model: Make, cut: float, stage: str
    ) -> None:
        found = self.stage(make_model, cut, "guaranteed")
        p = 1 / (1 + math.exp(0.5))
        assert found == (stage, pytest.approx(p + (1 - p) / 3), stage == "sales_ready_now")

    @pytest.mark.parametrize(("rate", "stage"), [(0.58, "nurture"), (0.59, "not_qualified")])
    def test_without_a_cut_the_agreed_close_rate_takes_its_place(
        self, make_model: Make, handmade: Definition, rate: float, stage: str
    ) -> None:
        definition = replace(handmade, agreement=Agreement(close_rate=rate))
        assert self.stage(make_model, None, "none", definition=definition)[0] == stage

    def test_where_points_decide_they_say_who_is_ready(self, make_model: Make) -> None:
        assert self.stage(make_model, None, "points")[0] == "sales_ready_now"  # 40 points of 40

    def test_a_version_that_does_not_tell_knows_only_who_is_handed_off(
        self, make_model: Make
    ) -> None:
        assert self.stage(make_model, 0.3, "estimated", eventually=None) == (
            "sales_ready_now",
            None,
            True,
        )
        late = self.stage(make_model, 0.5, "estimated", eventually=None, version="4")
        assert late == (None, None, False)

    def test_a_lead_with_errors_has_neither(self, make_model: Make) -> None:
        scorer = load_scorer(config=make_model(eventually=self.LATE))
        gone = one(scorer, size="huge")
        assert (gone.stage, gone.probability_eventually) == (None, None)


def test_unknown_activities_are_not_none(scorer: Scorer) -> None:
    assert log_odds(one(scorer, [])) == pytest.approx(-1.5, abs=1e-12)
    assert log_odds(one(scorer, None)) == pytest.approx(-1.25, abs=1e-12)


def test_only_what_came_before_the_moment_counts(scorer: Scorer) -> None:
    later = [*VISITS, {"timestamp": "2024-06-01T12:00Z", "event": "visit"}]
    assert one(scorer, later).to_dict() == one(scorer).to_dict()


def test_a_naive_now_is_read_in_the_zone(scorer: Scorer) -> None:
    local = datetime(2024, 6, 1, 14)  # noqa: DTZ001 - 12:00 UTC in Berlin
    (answer,) = scorer.score_records([LEAD], [VISITS], now=local)
    assert answer == one(scorer)


def test_without_a_moment_the_clock_decides(scorer: Scorer) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    (answer,) = scorer.score_records([LEAD])
    assert before <= datetime.fromisoformat(answer.scored_at) <= datetime.now(UTC)


EVEN = Machine((), center=(0.0,) * 6)
"""Says one half of every lead."""


@pytest.mark.parametrize(
    ("cuts", "band"),
    [
        ((0.5, 0.4, 0.3), "A"),
        ((0.50001, 0.5, 0.3), "B"),
        ((0.6, 0.50001, 0.5), "C"),
        ((0.6, 0.6, 0.50001), "D"),
    ],
)
def test_cut_points_belong_to_the_better_band(
    make_model: Make, cuts: tuple[float, float, float], band: str
) -> None:
    bands = dict(zip("ABC", cuts, strict=True))
    answer = one(load_scorer(config=make_model(machine=EVEN, bands=bands)))
    assert (answer.probability, answer.band) == (0.5, band)


class TestDecision:
    @pytest.mark.parametrize(("cut", "ready"), [(0.5, True), (0.500001, False)])
    def test_at_the_threshold_a_lead_is_ready(
        self, make_model: Make, cut: float, ready: bool
    ) -> None:
        threshold = {"probability": cut, "basis": "estimated"}
        scorer = load_scorer(config=make_model(machine=EVEN, threshold=threshold))
        answer = one(scorer)
        assert (answer.sales_ready, answer.basis) == (ready, "estimated")

    def test_nothing_is_ready_without_a_basis(self, make_model: Make) -> None:
        threshold = {"probability": None, "basis": "none"}
        scorer = load_scorer(config=make_model(threshold=threshold))
        assert (one(scorer).sales_ready, one(scorer).basis) == (False, "none")

    def test_points_decide_where_wins_were_too_few(self, make_model: Make) -> None:
        threshold = {"probability": None, "basis": "points"}
        scorer = load_scorer(config=make_model(threshold=threshold))
        assert one(scorer).sales_ready is True
        assert one(scorer, size=10).sales_ready is False


def with_crm_points(definition: Definition) -> Definition:
    table = PointsTable(threshold=50.0, buckets={"A": 50.0})
    return replace(definition, leads=replace(definition.leads, points="score"), points=table)


class TestPoints:
    def test_the_crms_own_are_used_as_they_are(
        self, make_model: Make, handmade: Definition
    ) -> None:
        scorer = load_scorer(config=make_model(definition=with_crm_points(handmade)))
        ready = one(scorer, score="50")
        assert (ready.points, ready.points_ready, ready.points_bucket) == (50.0, True, "A")
        below = one(scorer, score=49.5)
        assert (below.points, below.points_ready, below.points_bucket) == (49.5, False, None)
        assert below.points_rules == []

    @pytest.mark.parametrize("changes", [{}, {"score": None}, {"score": "n/a"}])
    def test_a_lead_without_them_has_none(
        self, make_model: Make, handmade: Definition, changes: dict[str, object]
    ) -> None:
        definition = with_crm_points(handmade)
        threshold = {"probability": None, "basis": "points"}
        answer = one(
            load_scorer(config=make_model(definition=definition, threshold=threshold)), **changes
        )
        assert (answer.points, answer.points_ready, answer.points_bucket) == (None, None, None)
        assert (answer.sales_ready, answer.errors) == (False, [])

    def test_points_that_are_no_number_are_an_error(
        self, make_model: Make, handmade: Definition
    ) -> None:
        answer = one(
            load_scorer(config=make_model(definition=with_crm_points(handmade))), score="high"
        )
        assert answer.errors == [{"loc": ["score"], "msg": "expected a number, found 'high'"}]
        assert answer.probability is None

    def test_none_at_all(self, make_model: Make, handmade: Definition) -> None:
        definition = replace(handmade, points=PointsTable())
        answer = one(load_scorer(config=make_model(definition=definition)))
        assert (answer.points, answer.points_ready, answer.points_bucket) == (None, None, None)
        assert answer.probability is not None


class TestReasons:
    def test_the_five_strongest_first(self, make_model: Make) -> None:
        # a term for each of the six features: 1 to 6 log-odds, every other one negative
        steps = [Steps(k, (), ((-1.0) ** k * (k + 1),), 0.0) for k in range(6) if k != 1]
        card = Scorecard(0.0, (*steps, Levels(1, (-2.0, -2.0, -2.0), 0.0)))
        machine = Machine(((1.0, card),), center=(0.0,) * 6)
        answer = one(load_scorer(config=make_model(machine=machine)), seen="2024-05-27T12:00Z")
        assert [reason["effect"] for reason in answer.reasons] == [-6.0, 5.0, -4.0, 3.0, -2.0]
        assert answer.reasons[0]["feature"] == "hour created"

    def test_with_trees(self, make_model: Make) -> None:
        random = np.random.default_rng(0)
        x = random.normal(size=(300, 6))
        y = (random.random(300) < 1 / (1 + np.exp(-2 * x[:, 0]))).astype(np.int8)
        full = boosted(
            x,
            y,
            categorical=np.zeros(6, bool),
            additive=False,
            newest_last=False,
            seed=0,
            rounds=20,
        ).machine
        scorer = load_scorer(config=make_model(machine=full))
        answer = one(scorer)
        gone = one(scorer, size=None)
        by_name = {reason["feature"]: reason["effect"] for reason in answer.reasons}
        assert by_name["size"] == pytest.approx(log_odds(answer) - log_odds(gone), abs=1e-9)

    def test_with_trees_the_sum_is_said_not_to_be_one(self, make_model: Make) -> None:
        random = np.random.default_rng(0)
        x = random.normal(size=(300, 6))
        y = (x[:, 0] > 0).astype(np.int8)
        full = boosted(
            x, y, categorical=np.zeros(6, bool), additive=False, newest_last=False, seed=0, rounds=5
        ).machine
        answer = one(load_scorer(config=make_model(machine=full)))
        assert answer.reasons_sum is not None
        assert answer.reasons_sum["kind"] == "if_missing"
        assert (answer.reasons_sum["base"], answer.reasons_sum["rest"]) == (None, None)
        assert answer.reasons_sum["total"] == pytest.approx(log_odds(answer), abs=1e-9)

    def test_leads_like_it(self, make_model: Make) -> None:
        size = FeaturePeers((Group("< 1000", 300, 30), Group("≥ 1000", 100, 40)), edges=(1000.0,))
        rest = [FeaturePeers((Group("any value", 400, 70), Group("not known", 0, 0)))] * 5
        peers = Peers(
            400, 70, (replace(size, groups=(*size.groups, Group("not known", 0, 0))), *rest)
        )
        scorer = load_scorer(config=make_model(peers=peers))
        assert one(scorer).reasons[0]["peers"] == {
            "range": "≥ 1000", "leads": 100, "won": 40, "close_rate": 0.4,
        }  # fmt: skip
        text = "size ≥ 1000: 40 % of 100 such leads closed, 18 % of all"
        assert one(scorer).reasons[0]["text"] == text

    def test_none_where_nothing_matters(self, make_model: Make) -> None:
        assert one(load_scorer(config=make_model(machine=EVEN))).reasons == []


class TestExploring:
    """Of the leads a to d, b and d are explored at 20 % under version 1, c and d under 2."""

    def scorer(self, make_model: Make, handmade: Definition, *, version: str, cut: float) -> Scorer:
        definition = replace(handmade, handoff=HandoffPolicy(explore=0.2, version=version))
        threshold = {"probability": cut, "basis": "estimated"}
        return load_scorer(config=make_model(definition=definition, threshold=threshold))

    def explored(self, scorer: Scorer, names: str) -> str:
        answers = scorer.score_records([LEAD | {"id": name} for name in names], now=NOW)
        for answer in answers:
            assert answer.must_follow_up is answer.explored
            assert answer.hand_off is (answer.sales_ready or answer.explored)
            assert answer.handoff_probability == (1.0 if answer.sales_ready else 0.2)
        return "".join(str(answer.lead_id) for answer in answers if answer.explored)

    def test_the_same_leads_in_whatever_batch_and_order(
        self, make_model: Make, handmade: Definition
    ) -> None:
        scorer = self.scorer(make_model, handmade, version="1", cut=0.999)
        assert self.explored(scorer, "abcd") == "bd"
        assert self.explored(scorer, "dcba") == "db"
        assert self.explored(scorer, "b") == "b"
        assert self.explored(scorer, "ac") == ""

    def test_another_version_explores_others(self, make_model: Make, handmade: Definition) -> None:
        scorer = self.scorer(make_model, handmade, version="2", cut=0.999)
        assert self.explored(scorer, "abcd") == "cd"

    def test_above_the_cut_nobody_is(self, make_model: Make, handmade: Definition) -> None:
        scorer = self.scorer(make_model, handmade, version="1", cut=0.001)
        assert self.explored(scorer, "abcd") == ""

    def test_a_lead_without_an_error_free_record_is_not(
        self, make_model: Make, handmade: Definition
    ) -> None:
        scorer = self.scorer(make_model, handmade, version="1", cut=0.999)
        (gone,) = scorer.score_records([LEAD | {"id": None}], now=NOW)
        assert (gone.hand_off, gone.explored, gone.handoff_probability) == (None, None, None)
        assert gone.must_follow_up is None

    def test_ids_made_of_the_content_do_not_last_and_that_is_said(
        self, make_model: Make, handmade: Definition
    ) -> None:
        nameless = replace(handmade, leads=replace(handmade.leads, id=None))
        scorer = self.scorer(make_model, nameless, version="1", cut=0.999)
        answers = scorer.score_records([LEAD | {"size": n} for n in range(60)], now=NOW)
        assert not any(answer.explored for answer in answers)
        assert {answer.handoff_probability for answer in answers} == {0.0}
        assert answers[0].warnings[-1].startswith("no lead is explored: [leads].id is not mapped")


class TestErrors:
    def test_a_lead_with_an_error_has_no_numbers_and_harms_no_other(self, scorer: Scorer) -> None:
        bad = LEAD | {"id": "b", "size": "huge", "created": "soon"}
        answers = scorer.score_records([LEAD, bad, LEAD], [VISITS] * 3, now=NOW)
        assert answers[0].to_dict() == answers[2].to_dict() == one(scorer).to_dict()
        gone = answers[1]
        assert gone.lead_id == "b"
        numbers = (gone.probability, gone.sales_ready, gone.band, gone.points, gone.points_ready)
        assert numbers == (None,) * 5
        assert gone.reasons_sum is None
        assert (gone.reasons, gone.points_rules, gone.points_bucket, gone.grade) == (
            [],
            [],
            None,
            None,
        )
        assert {tuple(error["loc"]) for error in gone.errors} == {("size",), ("created",)}

    def test_created_after_the_moment(self, scorer: Scorer) -> None:
        answer = one(scorer, created="2024-06-02")
        assert [error["loc"] for error in answer.errors] == [["created"]]


class TestFields:
    def test_unknown_ones_are_told(self, scorer: Scorer) -> None:
        assert one(scorer, colour="red").warnings == ["unknown field 'colour' was not used"]

    def test_those_of_the_export_and_the_mapping_are_known(self, scorer: Scorer) -> None:
        answer = one(scorer, stage="Won", note="x", handed=None, seen=None)
        assert answer.warnings == []

    def test_the_outcome_changes_nothing(self, scorer: Scorer) -> None:
        assert one(scorer, stage="Won").to_dict() == one(scorer).to_dict()


RECORDS = st.fixed_dictionaries(
    {"id": st.text("abc", min_size=1)},
    optional={
        "size": st.one_of(st.none(), st.integers(0, 3000), st.just("n/a"), st.just("?")),
        "source": st.sampled_from(["Ads", "Web", "Fair", None, 5]),
        "created": st.integers(0, 60).map(lambda d: (NOW - timedelta(days=d)).isoformat()),
        "handed": st.integers(-3, 3).map(lambda d: (NOW - timedelta(days=d)).isoformat()),
        "seen": st.integers(-3, 30).map(lambda d: (NOW - timedelta(days=d)).isoformat()),
    },
)
TOUCHES = st.one_of(
    st.none(),
    st.lists(
        st.builds(
            lambda hours, kind: {
                "timestamp": (NOW - timedelta(hours=hours)).isoformat(),
                "event": kind,
            },
            st.integers(-5, 400),
            st.sampled_from(["visit", "mail"]),
        ),
        max_size=5,
    ),
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batch=st.lists(st.tuples(RECORDS, TOUCHES), min_size=1, max_size=6))
def test_a_lead_alone_gets_what_it_gets_in_a_batch(
    scorer: Scorer, batch: list[tuple[dict[str, object], Any]]
) -> None:
    leads, touches = [lead for lead, _ in batch], [touch for _, touch in batch]
    together = scorer.score_records(leads, touches, now=NOW)
    alone = [
        scorer.score_records([lead], [touch], now=NOW)[0]
        for lead, touch in zip(leads, touches, strict=True)
    ]
    assert [answer.to_dict() for answer in together] == [answer.to_dict() for answer in alone]
    json.dumps([answer.to_dict() for answer in together], allow_nan=False)


def test_no_leads(scorer: Scorer) -> None:
    assert scorer.score_records([]) == []


def test_it_knows_what_it_is(make_model: Make, handmade: Definition) -> None:
    settings = make_model(trained_on=("a", "b"))
    scorer = load_scorer("3", config=settings)
    assert (scorer.version, scorer.basis, scorer.definition) == ("3", "guaranteed", handmade)
    assert scorer.trained_on(["b", "c"]).tolist() == [True, False]
    assert scorer.manifest["bands"] == {"A": 0.4, "B": 0.2, "C": 0.1}


def test_a_model_that_is_not_there(make_model: Make) -> None:
    with pytest.raises(ModelError, match="no model 'challenger'"):
        load_scorer("challenger", config=make_model())


def test_what_it_was_trained_under_counts_and_not_the_file(
    make_model: Make, handmade: Definition
) -> None:
    settings = make_model()
    edited = replace(
        settings,
        definition=replace(handmade, agreement=Agreement(close_rate=0.9), points=PointsTable()),
    )
    assert one(load_scorer(config=edited)).to_dict() == one(load_scorer(config=settings)).to_dict()


def test_moments_as_text() -> None:
    assert iso(-(2**63)) is None
    assert iso(0) == "1970-01-01T00:00:00.000000Z"
    assert iso(1_717_243_200_000_001) == "2024-06-01T12:00:00.000001Z"


def test_the_points_of_the_crm_with_a_decimal_comma(make_model: Make, handmade: Definition) -> None:
    leads = replace(handmade.leads, points="score", decimal=",")
    made = make_model(definition=replace(handmade, leads=leads))
    scorer = load_scorer(config=made)
    assert one(scorer, score="2.835").points == 2835.0
    assert one(scorer, score="7,5", size="2.000").probability == one(scorer).probability
