"""Leads one by one and leads as a table: the same answers to the last bit, whatever the model."""

import json
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from leadml.domain.agreement import Agreement
from leadml.domain.definition import Definition
from leadml.domain.handoff import HandoffPolicy
from leadml.domain.mapping import ActivityMapping, LeadMapping
from leadml.domain.points_table import GROUPS, PointsTable, Rule
from leadml.model.bundle import Bundle
from leadml.model.candidates import boosted
from leadml.model.eventually import Eventually
from leadml.model.peers import FeaturePeers, Group, Peers
from leadml.model.scorecard import Levels, Line, Machine, Pieces, Scorecard, Steps, Term
from leadml.model.trend import Trend
from leadml.model.value import Ranks, Unknown, Value
from leadml.snapshot.features import RARE, Feature, FeatureSet
from leadml.workflows.answers import MANY, Answer, iso
from leadml.workflows.records import as_table
from leadml.workflows.score import WORTH, Scorer

EXAMPLES = max(60, int(os.environ.get("LEADML_FUZZ", "0")) // 10)
NOW = datetime(2024, 6, 1, 12, 30, 15, 250, tzinfo=UTC)
FEATURES = (
    Feature(name="size", kind="number", column="size", gaps=("tbd",)),
    Feature(name="share", kind="number", column="share", flags=True),
    Feature(name="source", kind="text", column="source", levels=("Ads", "Web", "5", RARE)),
    Feature(name="flag", kind="text", column="flag", levels=("true", "false")),
    Feature(name="note mentions 'demo'", kind="word", column="note", word="demo"),
    Feature(name="note mentions 'price list'", kind="word", column="note", word="price list"),
    Feature(name="days since seen", kind="time", column="seen"),
    Feature(name="age in days", kind="age"),
    Feature(name="hour created", kind="hour"),
    Feature(name="weekday created", kind="weekday"),
    Feature(name="visit: times in 7 days", kind="count", activity="visit", window=7.0),
    Feature(name="days since any activity", kind="recency"),
    Feature(name="first activity", kind="first", levels=("mail", "visit /pricing", RARE)),
    Feature(name="colleagues: times", kind="count", scope="account"),
)
MAPPING = LeadMapping(
    id="id",
    outcome="stage",
    won=("Won",),
    created_at="created",
    handed_off_at="handed",
    account="company",
    owner="owner",
    missing=("n/a", "select"),
)

some = st.sampled_from
number = st.floats(-50, 50, allow_subnormal=False)
numbers = st.lists(number, min_size=1, max_size=12)


def cuts(most: int = 8) -> st.SearchStrategy[tuple[float, ...]]:
    found = st.lists(st.integers(-40, 400), min_size=1, max_size=most, unique=True)
    return found.map(lambda places: tuple(place / 4 for place in sorted(places)))


@st.composite
def terms(draw: st.DrawFn, feature: int) -> Term:
    def heights(count: int) -> tuple[float, ...]:
        return tuple(draw(st.lists(st.floats(-3, 3), min_size=count, max_size=count)))

    missing = draw(st.floats(-2, 2))
    if FEATURES[feature].categorical:
        return Levels(feature, heights(draw(st.integers(1, 4))), missing)
    kind, places = draw(st.sampled_from(("steps", "line", "pieces"))), draw(cuts())
    if kind == "steps":
        return Steps(feature, places, heights(len(places) + 1), missing)
    if kind == "line":
        return Line(feature, places, heights(len(places)), missing)
    starts, ends = heights(len(places) + 1), heights(len(places) + 1)
    level = (ends[0], *starts[1:-1], ends[-1])
    return Pieces(feature, places, level, ends, missing)


@st.composite
def cards(draw: st.DrawFn) -> Scorecard:
    order = draw(st.permutations(range(len(FEATURES))))[: draw(some((0, 3, 8, len(FEATURES))))]
    return Scorecard(draw(number), tuple(draw(terms(feature)) for feature in order))


@cache
def grown() -> Machine:
    """Return interacting trees that read every feature."""
    random = np.random.default_rng(0)
    x = random.normal(size=(400, len(FEATURES)))
    x[:, [2, 3, 12]] = random.integers(0, 2, (400, 3))
    x[random.random(x.shape) < 0.2] = np.nan
    y = (np.nansum(x[:, :4] * x[:, 4:8], axis=1) > 0).astype(np.int8)
    text = np.array([feature.categorical for feature in FEATURES])
    made = boosted(x, y, categorical=text, additive=False, newest_last=False, seed=0, rounds=15)
    return made.machine


@st.composite
def machines(draw: st.DrawFn) -> Machine:
    weighted = draw(st.lists(st.tuples(st.floats(0.1, 1), cards()), min_size=1, max_size=2))
    if len(weighted) == 1 and draw(st.booleans()):
        weighted = [(1.0, weighted[0][1])]
    moment = st.integers(-400, 10).map(lambda days: at(NOW) + days * 86_400_000_000)
    first, last = sorted(draw(st.tuples(moment, moment)))
    trend = Trend(draw(st.floats(-0.1, 0.1)), draw(moment), first, last)
    trees = [(weight, tree) for weight, (_, tree) in zip((0.7,), grown().trees, strict=True)]
    return Machine(
        cards=tuple(weighted) if draw(st.booleans()) else tuple(weighted[:1]),
        trees=tuple(trees) if draw(st.integers(0, 3)) == 0 else (),
        slope=draw(st.floats(0.2, 2)),
        intercept=draw(st.floats(-2, 2)),
        center=tuple(draw(st.lists(st.floats(-1, 1), min_size=14, max_size=14))),
        trend=draw(st.sampled_from((None, trend))),
    )


def at(moment: datetime) -> int:
    return round(moment.timestamp() * 10**6)


@st.composite
def peers(draw: st.DrawFn) -> Peers:
    found = []
    for feature in FEATURES:
        edges = () if feature.categorical else draw(cuts(3))
        group_of = (0, 1, 0, 1)[: len(feature.levels)] if feature.categorical else ()
        count = 3 if group_of else len(edges) + 2
        sizes = [(n, draw(st.integers(0, n))) for n in draw(sized(count))]
        groups = tuple(Group(f"range {i}", *size) for i, size in enumerate(sizes))
        found.append(FeaturePeers(groups, edges, group_of))
    return Peers(400, 70, tuple(found))


def sized(count: int) -> st.SearchStrategy[list[int]]:
    return st.lists(st.integers(0, 90), min_size=count, max_size=count)


@st.composite
def values(draw: st.DrawFn) -> Value:
    known = draw(st.lists(number, min_size=1, max_size=20, unique=True).map(sorted))
    step = 1 / (len(known) + 1)
    ranks = Ranks(tuple(known), tuple(step * (i + 1) for i in range(len(known))), 3.5)
    basis = draw(st.sampled_from((None, "mean", "model")))
    unknown = Unknown(*draw(st.sampled_from(((1.0, 1.0, 1.0), (1.2, 0.5, 2.0)))))
    card = draw(cards()) if basis == "model" else None
    mean = None if basis is None else draw(st.floats(-5, 60))
    if card is not None:
        card = replace(card, constant=1.0)
    return Value(ranks=ranks, basis=basis, card=card, unknown=unknown, mean=mean)


@st.composite
def chances(draw: st.DrawFn) -> Eventually:
    form = draw(st.sampled_from(("none", "base_rate", "score", "logistic")))
    card = draw(cards()) if form == "logistic" else None
    line = {"slope": draw(st.floats(0, 1)), "intercept": draw(st.floats(-3, 1))}
    return Eventually(horizon_days=200.0, form=form, card=card, **line)


TESTS: tuple[dict[str, Any], ...] = (
    {"column": "source", "equals": "Web"},
    {"column": "size", "equals": 5},
    {"column": "flag", "equals": True},
    {"column": "source", "one_of": ("Ads", 5, "5.0")},
    {"column": "size", "at_least": 10.0},
    {"column": "size", "at_least": -5.0, "at_most": 20.5},
    {"column": "share", "between": (0.1, 0.6)},
    {"column": "note", "contains": "DEMO"},
    {"column": "note", "matches": "^(a|we) "},
    {"column": "seen", "present": True},
    {"column": "absent", "present": False},
    {"activity": "Visit"},
    {"activity": "visit", "per": "each", "max_points": 12.0},
    {"activity": "visit", "detail": "/pricing*", "within_days": 20.0},
    {"activity": "mail", "per": "each", "half_life_days": 10.0},
    {"activity": "mail", "at_least": 2.0, "half_life_days": 3.5},
)


@st.composite
def tables(draw: st.DrawFn) -> PointsTable:
    tests = draw(st.lists(st.sampled_from(TESTS), max_size=16))
    points = st.sampled_from((5.0, 12.5, 0.1, 0.7, 33.0))
    negative = st.booleans()
    rules = []
    for place, test in enumerate(tests):
        sign = -1.0 if "max_points" not in test and draw(negative) else 1.0
        group = draw(st.sampled_from(GROUPS))
        rules.append(
            Rule(name=f"rule {place}", group=group, points=sign * draw(points), **test)  # type: ignore[arg-type]
        )
    caps = draw(st.dictionaries(st.sampled_from((*GROUPS, "total")), st.floats(0, 40), max_size=3))
    buckets = draw(st.sampled_from(({}, {"A": 40.0, "B": 5.0}, {"A": 0.8})))
    return PointsTable(
        threshold=draw(st.sampled_from((0.8, 5.0, 20.0))),
        rules=tuple(rules),
        caps=caps,
        buckets=buckets,
    )


@st.composite
def scorers(draw: st.DrawFn) -> Scorer:
    zone, decimal = (
        draw(st.sampled_from(("UTC", "Europe/Berlin", "Asia/Kolkata"))),
        draw(st.sampled_from(".,")),
    )
    mapping = replace(
        MAPPING,
        id=draw(some(("id", "id", None))),
        owner=draw(some(("owner", None))),
        points=draw(some(("score", None, None))),
        date_format=draw(some((None, None, "%d.%m.%Y %H:%M"))),
        timezone=zone,
        decimal=decimal,
    )
    policy = HandoffPolicy(explore=draw(some((0.0, 0.2))), version=draw(some("12")))
    definition = Definition(
        leads=mapping,
        activities=ActivityMapping(detail=draw(some(("url", None)))),
        agreement=Agreement(close_rate=0.4),
        points=draw(tables()),
        handoff=policy,
    )
    features = FeatureSet(
        FEATURES,
        frozenset({"n/a", "select"}),
        zone,
        mapping.date_format,
        decimal,
        frozenset({"gmail"}),
    )
    threshold = {
        "probability": draw(some((None, 0.3, 0.6))),
        "basis": draw(some(("guaranteed", "points", "none"))),
        "reps": draw(some(((), [{"owner": "Ann", "probability": 0.8}]))),
        "profit_cut": draw(some((None, None, 0.0, 4.0))),
    }
    bands = dict(
        zip("ABC", sorted(draw(some(((0.2, 0.5, 0.8), (0.1, 0.1, 0.3)))))[::-1], strict=True)
    )
    columns = ["id", "stage", "size", "share", "source", "flag", "note", "seen"]
    manifest = {"columns": columns, "threshold": threshold, "bands": bands, "files": {}}
    beyond, worth = draw(st.none() | chances()), draw(st.none() | values())
    machine = draw(machines())
    bundle = Bundle(Path("7"), manifest, definition, features, machine, beyond, worth)
    vars(bundle)["peers"] = draw(st.none() | peers())
    return Scorer(bundle)


@dataclass(frozen=True)
class Ago:
    """A moment so many days before `NOW`, written in the scorer's form or as a time itself."""

    days: float
    style: int

    def written(self, date_format: str | None) -> object:
        moment = NOW - timedelta(days=self.days)
        if self.style == 0:
            return moment
        if date_format:
            return moment.strftime(date_format)
        plain = moment.replace(tzinfo=None)
        spaced = moment.strftime("%Y-%m-%d %H:%M:%S +02:00")
        return (moment.isoformat(), plain.isoformat(" "), spaced, f"{plain:%Y-%m-%d}")[
            self.style - 1
        ]


def written(value: Any, date_format: str | None) -> Any:
    """Return what is sent, every moment in it written."""
    if isinstance(value, Ago):
        return value.written(date_format)
    if isinstance(value, list):
        return [written(one, date_format) for one in value]
    if isinstance(value, dict):
        return {name: written(one, date_format) for name, one in value.items()}
    return value


moments = st.builds(Ago, st.floats(1.5, 60), st.integers(0, 4))
near = st.builds(Ago, st.floats(-3, 60), st.integers(0, 4))
sizes = st.one_of(
    st.floats(-60, 120),
    st.integers(-60, 120),
    some([None, "n/a", " ", "tbd", "12,5", "45 %", "€ 7", math.nan, "5", 5, "-", "70", 7.0]),
)
texts = some(
    [
        "Ads",
        "Web",
        " Web ",
        "Fair",
        "5",
        "5.0",
        5,
        5.0,
        True,
        "FALSE",
        "(rare)",
        None,
        "Select",
        0.5,
    ]
)
sound = st.fixed_dictionaries(
    {"id": st.text("abc", min_size=1) | st.integers(0, 99), "created": moments},
    optional={
        "handed": near,
        "size": sizes,
        "share": sizes | some([True, "false"]),
        "source": texts,
        "flag": texts,
        "note": some(
            [
                None,
                "",
                "We want a demo",
                "the price list",
                "a demo, price list",
                7,
                "Demo PRICE list",
            ]
        ),
        "seen": near,
        "score": sizes,
        "owner": some(["Ann", "Bo", None, ["Ann"], " Ann "]),
        "company": some(["Acme", "GMAIL", None, ["x"], "acme"]),
        "colour": st.just("red"),
        "stage": st.just("Won"),
    },
)
unsound = st.dictionaries(
    some(["id", "created", "handed", "size", "share", "source", "flag", "note", "seen", "score"]),
    some([None, "", "soon", ["a"], {"a": 1}, True, math.inf, 10**400, "1e309", "1,000", "2.835",
          "0001-01-01T00:00+14:00", Ago(-2, 0), 3]),
    min_size=1,
    max_size=3,
)  # fmt: skip
fields_of_leads = st.one_of(
    sound, sound, sound, st.tuples(sound, unsound).map(lambda both: both[0] | both[1])
)
touch = st.fixed_dictionaries(
    {
        "timestamp": near,
        "event": some(["visit", "VISIT", "mail", "call", None]),
        "lead_id": some(["a", "b", "c"]),
    },
    optional={"url": some(["https://x.com/de/pricing?a=1", "/pricing", "/blog", "May", None])},
)
bad_touch = st.fixed_dictionaries(
    {"timestamp": some(["soon", None, 3]) | near, "event": some(["visit", ["visit"]])},
    optional={"url": st.just({"a": 1}), "lead_id": some([None, ["a"], "b"])},
)
touches = st.one_of(
    st.none(),
    st.lists(touch, max_size=6),
    st.lists(touch, max_size=6),
    st.lists(touch, max_size=30),
    st.lists(touch | touch | touch | touch | bad_touch, max_size=3),
)
sent = st.tuples(
    fields_of_leads,
    touches,
    touches,
    st.none() | st.none() | st.floats(-3, 60).map(lambda days: NOW - timedelta(days=days)),
)


def by_table(scorer: Scorer, leads: Sequence[Any]) -> list[dict[str, Any]]:
    """Return the answers that arrays give."""
    given, own, others, wanted = zip(*leads, strict=True)
    records = scorer.read_records(given, own, wanted, NOW, others)
    batch = as_table(records, scorer.reader)
    scores = scorer.score_batch(batch)
    told = []
    for row, record in enumerate(records):
        problems = scores.errors.get(row, [])
        answer: dict[str, Any] = {field.name: None for field in fields(Answer)}
        answer |= {"reasons": [], "points_rules": []}
        if not problems:
            answer |= _numbers(scores, row)
        more = [] if scorer.not_exploring is None else [scorer.not_exploring]
        told.append(
            answer
            | {
                "lead_id": record.lead_id,
                "basis": scorer.basis,
                "model_version": "7",
                "scored_at": "2024-06-01T12:30:15+00:00",
                "as_of": iso(record.as_of),
                "warnings": [*record.warnings, *more],
                "errors": [{"loc": [column], "msg": why} for column, why in problems],
            }
        )
    return told


def _numbers(scores: Any, row: int) -> dict[str, Any]:
    columns = {name: getattr(scores, name) for name in ("probability", "sales_ready", "band")}
    columns |= {"probability_eventually": scores.eventually, "priority": scores.priority}
    columns |= dict(zip(WORTH, scores.margins or (), strict=False))
    columns |= scores.handoffs.columns()
    told = {name: None if c is None else c[row].item() for name, c in columns.items()}
    cut = float(scores.cut[row])
    told |= {"cut": cut if math.isfinite(cut) else None, "stage": scores.stage[row]}
    told |= {"reasons": scores.reasons[row], "reasons_sum": scores.reasons_sum[row]}
    if scores.points is not None and not math.isnan(scores.points[row]):
        told |= {
            "points": float(scores.points[row]),
            "points_ready": bool(scores.points_ready[row]),
            "points_bucket": scores.buckets[row],
            "grade": scores.grades[row],
            "points_rules": scores.rules[row],
        }
    return told


def by_record(scorer: Scorer, leads: Sequence[Any]) -> list[dict[str, Any]]:
    given, own, others, wanted = zip(*leads, strict=True)
    answers = scorer.score_records(given, own, wanted, NOW, others)
    return [answer.to_dict() for answer in answers]


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    scorer=scorers(),
    leads=st.lists(sent, min_size=1, max_size=5),
    draw_many=some((False, False, True)),
)
def test_a_record_its_row_in_a_table_and_a_record_among_others_are_one(
    scorer: Scorer, leads: list[Any], draw_many: bool
) -> None:
    leads = [
        (*written(lead[:3], scorer.definition.leads.date_format), lead[3])
        for lead in map(list, leads)
    ]
    together = by_record(scorer, leads)
    alone = [answer for lead in leads for answer in by_record(scorer, [lead])]
    for one, other, row in zip(together, alone, by_table(scorer, leads), strict=True):
        assert json.dumps(one) == json.dumps(other)
        assert one == row
        assert repr(sorted(one.items())) == repr(sorted(row.items()))
        assert list(one) == [field.name for field in fields(Answer)]
    if draw_many:
        many = by_record(scorer, leads * MANY)
        assert json.dumps(many[-len(leads) :]) == json.dumps(together)
