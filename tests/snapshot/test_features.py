"""Features as of a moment: worked by hand, and deaf to everything that comes later."""

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from leadml.data.activity_log import ActivityLog
from leadml.data.raw import RawColumn
from leadml.data.values import NO_TIME, microseconds
from leadml.snapshot.features import RARE, Encoded, Feature, FeatureSet

DAY = 86_400_000_000
MOMENT = microseconds(datetime(2024, 6, 1, 12, tzinfo=UTC))
MISSING = frozenset({"n/a"})

Touch = tuple[int, int, str | None]  # lead, microseconds before the moment, kind


def at(text: str) -> int:
    return microseconds(datetime.fromisoformat(text).astimezone(UTC))


def log_of(touches: list[Touch]) -> ActivityLog:
    kinds = sorted({kind for *_, kind in touches if kind is not None})
    return ActivityLog(
        lead=np.array([lead for lead, *_ in touches], np.intp),
        at=np.array([MOMENT - before for _, before, _ in touches], np.int64),
        kind=np.array([kinds.index(k) if k else -1 for *_, k in touches], np.int32),
        detail=np.full(len(touches), -1, np.int32),
        kinds=kinds,
        details=(),
    )


def encode(
    features: list[Feature],
    columns: dict[str, list[object]] | None = None,
    touches: list[Touch] | None = None,
    *,
    leads: int = 1,
    as_of: list[int] | None = None,
    created: list[int] | None = None,
    untold: list[bool] | None = None,
    timezone: str = "UTC",
    date_format: str | None = None,
) -> Encoded:
    return FeatureSet(tuple(features), MISSING, timezone, date_format).encode(
        {name: RawColumn.of(values) for name, values in (columns or {}).items()},
        as_of=np.array(as_of or [MOMENT] * leads, np.int64),
        created=np.array(created or [NO_TIME] * leads, np.int64),
        log=log_of(touches or []),
        untold=None if untold is None else np.array(untold),
    )


def numbers(feature: Feature, values: list[object], **rest: object) -> list[float]:
    """Return one attribute of leads with these raw values."""
    found = encode([feature], {"c": values}, leads=len(values), **rest)  # type: ignore[arg-type]
    assert found.errors == {}
    column: list[float] = found.x[:, 0].tolist()
    return column


def of_activities(feature: Feature, touches: list[Touch], leads: int = 1) -> list[float]:
    column: list[float] = encode([feature], None, touches, leads=leads).x[:, 0].tolist()
    return column


def approx(*values: float | None) -> object:
    return pytest.approx([np.nan if value is None else value for value in values], nan_ok=True)


class TestAttributes:
    NUMBER = Feature(name="c", kind="number", column="c", gaps=("Unknown", "50+"))
    TEXT = Feature(name="c", kind="text", column="c", levels=("5", "Ads", "Web", RARE))

    def test_numbers_in_every_spelling(self) -> None:
        found = numbers(self.NUMBER, ["5", 5, 5.0, "1,000", "45 %", "n/a", None, ""])
        assert found == approx(5, 5, 5, 1000, 0.45, None, None, None)

    def test_true_is_a_number_only_where_training_held_true_or_false(self) -> None:
        flag = Feature(name="c", kind="number", column="c", flags=True)
        assert numbers(flag, [True, "FALSE", 1, "0"]) == approx(1, 0, 1, 0)
        found = encode([self.NUMBER], {"c": [True, "true", 1]}, leads=3)
        assert sorted(found.errors) == [0, 1]
        assert found.errors[0] == [("c", "expected a number, found True")]

    def test_texts_that_were_no_numbers_in_training_are_missing(self) -> None:
        assert numbers(self.NUMBER, ["unknown", " 50+ ", "50"]) == approx(None, None, 50)

    def test_a_text_never_seen_in_a_column_of_numbers_is_an_error_of_its_row(self) -> None:
        found = encode([self.NUMBER], {"c": ["7", "seven"]}, leads=2)
        assert list(found.errors) == [1]
        ((column, why),) = found.errors[1]
        assert (column, why) == ("c", "expected a number, found 'seven'")
        assert np.isnan(found.x[1, 0])

    def test_levels_are_codes_and_what_was_never_seen_is_rare(self) -> None:
        found = numbers(self.TEXT, ["Ads", " Web ", 5, "5.0", "Fair", RARE, None, "N/A"])
        assert found == approx(1, 2, 0, 0, 3, 3, None, None)

    def test_without_a_rare_level_what_was_never_seen_is_missing(self) -> None:
        levels = Feature(name="c", kind="text", column="c", levels=("Ads", "Web"))
        assert numbers(levels, ["Fair", "Ads"]) == approx(None, 0)

    def test_a_decimal_comma(self) -> None:
        made = FeatureSet((self.NUMBER,), MISSING, decimal=",")
        at = np.array([MOMENT] * 3, np.int64)
        raw = {str(self.NUMBER.column): RawColumn.of(["2.835", "12,5", 2.835])}
        found = made.encode(raw, as_of=at, created=at, log=log_of([]))
        assert found.x[:, 0].tolist() == [2835.0, 12.5, 2.835]

    def test_a_list_is_an_error_of_its_row(self) -> None:
        found = encode([self.TEXT], {"c": [["Ads"]]})
        assert found.errors == {0: [("c", "expected a text, found ['Ads']")]}

    def test_an_absent_column_is_missing(self) -> None:
        found = encode([self.NUMBER, self.TEXT], {})
        assert np.isnan(found.x).all()

    def test_shown_as_a_person_reads_it(self) -> None:
        made = FeatureSet((self.NUMBER, self.TEXT), MISSING)
        assert (made.shown(0, 2.5), made.shown(1, 2.0), made.shown(1, np.nan)) == (2.5, "Web", None)


class TestWords:
    DEMO = Feature(name="asks for a demo", kind="word", column="c", word="demo")
    TRIAL = Feature(name="wants to try", kind="word", column="c", word="free trial")
    OTHER = Feature(name="d", kind="word", column="d", word="demo")

    def test_of_one_column_together_with_other_features(self) -> None:
        number = Feature(name="n", kind="number", column="n")
        features = [self.TRIAL, number, self.OTHER, self.DEMO]
        columns: dict[str, list[object]] = {"c": ["A Demo?", "free trial", "n/a"], "n": [1, 2, 3]}
        found = encode(features, columns, leads=3)
        nan = np.nan  # column d is not there
        expected = [[0, 1, nan, 1], [1, 2, nan, 0], [nan, 3, nan, nan]]
        assert np.array_equal(found.x, expected, equal_nan=True)
        assert found.errors == {}

    def test_a_value_that_is_no_text_is_told_once(self) -> None:
        text = Feature(name="c", kind="text", column="c", levels=("Ads",))
        found = encode([self.TRIAL, self.DEMO, text], {"c": [{"a": 1}, "Ads"]}, leads=2)
        assert {row: [column for column, _ in why] for row, why in found.errors.items()} == {
            0: ["c"]
        }
        assert np.isnan(found.x[0]).all()
        assert found.x[1].tolist() == [0, 0, 0]

    def test_is_shown_as_yes_or_no(self) -> None:
        made = FeatureSet((self.DEMO,), MISSING)
        assert [made.shown(0, value) for value in (1.0, 0.0, np.nan)] == ["yes", "no", None]

    def test_its_column_is_named_once(self) -> None:
        assert FeatureSet((self.DEMO, self.TRIAL, self.OTHER), MISSING).columns == ["c", "d"]


class TestTimes:
    FEATURE = Feature(name="days since c", kind="time", column="c")

    def test_days_before_the_moment(self) -> None:
        # 1 June 12:00 minus 30 May 00:00 is two and a half days
        assert numbers(self.FEATURE, ["2024-05-30", "2024-06-01T12:00", None]) == approx(
            2.5, 0, None
        )

    def test_a_time_after_the_moment_is_not_known_then(self) -> None:
        assert numbers(self.FEATURE, ["2024-06-01T12:00:00.000001", "2030-01-01"]) == approx(
            None, None
        )

    def test_undated_leads_know_no_age(self) -> None:
        assert numbers(self.FEATURE, ["2024-05-30"], as_of=[NO_TIME]) == approx(None)

    def test_naive_times_are_read_in_the_zone(self) -> None:
        # 00:00 in Berlin in summer is 22:00 UTC the day before
        found = numbers(self.FEATURE, ["2024-06-01", "2024-06-01T00:00Z"], timezone="Europe/Berlin")
        assert found == approx(14 / 24, 0.5)

    def test_other_formats(self) -> None:
        assert numbers(self.FEATURE, ["30/05/2024"], date_format="%d/%m/%Y") == approx(2.5)

    def test_a_time_that_cannot_be_read_is_an_error_of_its_row(self) -> None:
        found = encode([self.FEATURE], {"c": ["soon"]})
        assert found.errors == {0: [("c", "expected an ISO 8601 time, found 'soon'")]}


def life(kind: str, created: str, zone: str = "UTC") -> float:
    feature = Feature(name=kind, kind=kind)  # type: ignore[arg-type]
    return float(encode([feature], created=[at(created)], timezone=zone).x[0, 0])


class TestLife:
    def test_age(self) -> None:
        assert life("age", "2024-05-31T00:00Z") == 1.5

    def test_unknown_creation(self) -> None:
        kinds = [Feature(name=k, kind=k) for k in ("age", "hour", "weekday")]  # type: ignore[arg-type]
        assert np.isnan(encode(kinds).x).all()

    @pytest.mark.parametrize(
        ("created", "zone", "hour"),
        [
            ("2024-01-15T12:59:59Z", "UTC", 12),
            # Berlin: UTC+1 in winter, +2 in summer; the change of 2024 is on 31 March 01:00 UTC
            ("2024-03-31T00:59:59Z", "Europe/Berlin", 1),
            ("2024-03-31T01:00:00Z", "Europe/Berlin", 3),
            # and back on 27 October 01:00 UTC: the hour from 2 to 3 comes twice
            ("2024-10-27T00:30:00Z", "Europe/Berlin", 2),
            ("2024-10-27T01:30:00Z", "Europe/Berlin", 2),
            # zones that are not whole hours from UTC: +5:30 and +5:45
            ("2024-01-15T10:45:00Z", "Asia/Kolkata", 16),
            ("2024-01-15T10:29:59Z", "Asia/Kolkata", 15),
            ("2024-01-15T10:14:59Z", "Asia/Kathmandu", 15),
            ("2024-01-15T10:15:00Z", "Asia/Kathmandu", 16),
            ("1969-12-31T23:59:59Z", "UTC", 23),
        ],
    )
    def test_hour_in_the_zone(self, created: str, zone: str, hour: int) -> None:
        assert life("hour", created, zone) == hour

    def test_weekday_in_the_zone(self) -> None:
        # 2024-06-02 was a Sunday; 23:30 UTC is Monday in Berlin
        assert life("weekday", "2024-06-02T23:30Z") == 6
        assert life("weekday", "2024-06-02T23:30Z", "Europe/Berlin") == 0


class TestActivities:
    def test_counts_by_kind_and_window(self) -> None:
        touches: list[Touch] = [
            (0, 1, "visit"),
            (0, 7 * DAY, "visit"),  # exactly 7 days before: inside
            (0, 7 * DAY + 1, "visit"),
            (0, DAY, "mail"),
            (1, DAY, "visit"),
        ]

        def count(activity: str | None, window: float | None) -> list[float]:
            feature = Feature(name="n", kind="count", activity=activity, window=window)
            return of_activities(feature, touches, leads=3)

        assert count("visit", 1) == [1, 1, 0]
        assert count("visit", 7) == [2, 1, 0]
        assert count("visit", None) == [3, 1, 0]
        assert count("mail", 7) == [1, 0, 0]
        assert count(None, 7) == [3, 1, 0]
        assert count("call", None) == [0, 0, 0]

    def test_strictly_before(self) -> None:
        ever = Feature(name="n", kind="count")
        assert of_activities(ever, [(0, 0, "visit"), (0, -1, "visit")]) == [0]
        assert of_activities(ever, [(0, 1, "visit")]) == [1]

    def test_recency_is_the_newest(self) -> None:
        last = Feature(name="r", kind="recency", activity="visit")
        touches: list[Touch] = [(0, 3 * DAY, "visit"), (0, DAY // 2, "visit"), (0, 1, "mail")]
        assert of_activities(last, touches, leads=2) == approx(0.5, None)

    def test_days_active_are_distinct_utc_days(self) -> None:
        # the moment is 12:00: 13 h before is the day before, 11 h before is the same day
        hour = DAY // 24
        touches: list[Touch] = [(0, h * hour, "visit") for h in (1, 11, 13, 14, 37)]
        assert of_activities(Feature(name="d", kind="days"), touches, leads=2) == [3, 0]

    def test_an_activity_without_a_kind_counts_among_all(self) -> None:
        assert of_activities(Feature(name="n", kind="count"), [(0, 1, None)]) == [1]
        assert of_activities(Feature(name="n", kind="count", activity="visit"), [(0, 1, None)]) == [
            0
        ]

    def test_unknown_activities_are_not_none(self) -> None:
        kinds = [Feature(name=k, kind=k) for k in ("count", "recency", "days")]  # type: ignore[arg-type]
        found = encode(kinds, leads=2, untold=[False, True]).x
        assert found[0] == approx(0, None, 0)
        assert np.isnan(found[1]).all()

    def test_undated_leads_have_no_before(self) -> None:
        found = encode([Feature(name="n", kind="count")], None, [(0, 1, "visit")], as_of=[NO_TIME])
        assert found.x[0, 0] == 0


KINDS = ["visit", "mail", None]
FEATURES = [
    *(
        Feature(name="n", kind="count", activity=k, window=w)
        for k in KINDS
        for w in (1.0, 7.0, None)
    ),
    *(Feature(name="r", kind="recency", activity=k) for k in KINDS),
    *(Feature(name="d", kind="days", activity=k) for k in KINDS),
    Feature(name="t", kind="time", column="t"),
    Feature(name="a", kind="age"),
]
BEFORE = st.lists(st.tuples(st.integers(0, 2), st.integers(1, 40 * DAY), st.sampled_from(KINDS)))
LATER = st.lists(st.tuples(st.integers(0, 2), st.integers(-40 * DAY, 0), st.sampled_from(KINDS)))


def both(touches: list[Touch], times: list[object]) -> NDArray[np.float64]:
    return encode(FEATURES, {"t": times}, touches, leads=3, created=[MOMENT - DAY] * 3).x


@given(BEFORE, LATER, st.lists(st.integers(1, 1000), min_size=3, max_size=3))
def test_nothing_at_or_after_the_moment_changes_anything(
    before: list[Touch], later: list[Touch], days: list[int]
) -> None:
    moment = datetime(2024, 6, 1, 12, tzinfo=UTC)
    after: list[object] = [(moment + timedelta(days=d)).isoformat() for d in days]
    known = both(before, [None] * 3)
    told = both([*later, *before], after)
    assert np.array_equal(known, told, equal_nan=True)


@given(BEFORE, st.randoms())
def test_the_order_of_activities_does_not_matter(before: list[Touch], random: object) -> None:
    shuffled = list(before)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert np.array_equal(both(before, [None] * 3), both(shuffled, [None] * 3), equal_nan=True)


VALUES = st.one_of(
    st.none(), st.integers(-5, 5), st.sampled_from(["Ads", "Web", "new", "n/a", "5", " 7 ", "3,5"])
)


@settings(max_examples=50)
@given(
    st.lists(st.tuples(VALUES, st.integers(0, 3000)), min_size=1, max_size=6),
    st.lists(st.tuples(st.integers(0, 5), st.integers(-DAY, 9 * DAY), st.sampled_from(KINDS))),
)
def test_one_record_is_its_row_in_a_table(
    rows: list[tuple[object, int]], touches: list[Touch]
) -> None:
    made = [
        Feature(name="x", kind="number", column="x", gaps=("ads", "web", "new")),
        Feature(name="y", kind="text", column="x", levels=("Ads", "Web", RARE)),
        Feature(name="n", kind="word", column="x", word="new"),
        Feature(name="a", kind="word", column="x", word="ads"),
        Feature(name="h", kind="hour"),
        Feature(name="w", kind="weekday"),
        *FEATURES,
    ]
    n = len(rows)
    touches = [touch for touch in touches if touch[0] < n]
    times: list[object] = [
        (datetime(2024, 5, 1, tzinfo=UTC) + timedelta(hours=h)).isoformat() for _, h in rows
    ]
    columns = {"x": [value for value, _ in rows], "t": times}
    created = [MOMENT - h * DAY // 24 for _, h in rows]
    table = encode(made, columns, touches, leads=n, created=created).x
    for row in range(n):
        own: list[Touch] = [(0, before, kind) for lead, before, kind in touches if lead == row]
        alone = encode(
            made,
            {name: [values[row]] for name, values in columns.items()},
            own,
            created=[created[row]],
        ).x
        assert np.array_equal(alone[0], table[row], equal_nan=True)


def test_what_a_feature_set_says_of_itself() -> None:
    made = FeatureSet(
        (Feature(name="a", kind="number", column="x"), Feature(name="b", kind="age")), MISSING
    )
    assert (made.names, made.columns, made.reads_activities) == (["a", "b"], ["x"], False)
    assert FeatureSet((Feature(name="n", kind="recency"),), MISSING).reads_activities


@given(
    st.builds(
        Feature,
        name=st.text(),
        kind=st.sampled_from(["number", "text", "word", "count"]),
        column=st.one_of(st.none(), st.text()),
        activity=st.one_of(st.none(), st.text()),
        window=st.one_of(st.none(), st.floats(0.1, 100)),
        levels=st.lists(st.text()).map(tuple),
        gaps=st.lists(st.text()).map(tuple),
        word=st.one_of(st.none(), st.text()),
    )
)
def test_a_feature_survives_json(feature: Feature) -> None:
    assert Feature.from_dict(json.loads(json.dumps(feature.to_dict()))) == feature


@pytest.mark.parametrize("value", [True, "TRUE", "false"])
def test_true_and_false_are_numbers_only_where_training_saw_them(value: object) -> None:
    at = np.zeros(1, np.int64)
    for flags in (False, True):
        kind = Feature(name="n", kind="number", column="n", flags=flags)
        encoded = FeatureSet((kind,), frozenset()).encode(
            {"n": RawColumn.of([value])}, as_of=at, created=at, log=ActivityLog.empty()
        )
        if flags:
            assert encoded.x[0, 0] == float(str(value).casefold() == "true")
        else:
            assert encoded.errors[0][0][0] == "n"
            assert encoded.errors[0][0][1].startswith("expected a number, found ")
