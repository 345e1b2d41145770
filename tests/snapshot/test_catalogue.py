"""Which columns become features, which are left out and why; the outcome is never looked at."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from leadml.data.activity_log import ActivityLog
from leadml.data.leads import Leads, read_leads
from leadml.data.tables import table_of
from leadml.domain.mapping import LeadMapping
from leadml.snapshot.catalogue import Catalogue, choose_features, drop_constant
from leadml.snapshot.features import RARE, Feature

DAY = 86_400_000_000
NO_TIME = -(2**63)
PLAIN = LeadMapping(id="id", created_at="created")


def leads_of(columns: Mapping[str, Sequence[object]], mapping: LeadMapping = PLAIN) -> Leads:
    leads = len(next(iter(columns.values())))
    frame = pd.DataFrame({name: pd.Series(list(v), dtype=object) for name, v in columns.items()})
    frame["id"] = [f"L{n}" for n in range(leads)]
    if "created" not in columns and mapping.created_at:
        frame["created"] = pd.date_range("2024-01-01", periods=leads, freq="7h").astype(str)
    return read_leads(table_of(frame, "leads.csv"), mapping, required={"id"})


def chosen(
    columns: Mapping[str, Sequence[object]],
    mapping: LeadMapping = PLAIN,
    *,
    rows: int | None = None,
    log: ActivityLog | None = None,
    age_days: float = 0.0,
) -> Catalogue:
    leads = leads_of(columns, mapping)
    used = np.arange(rows or len(leads))
    created = leads.times.get("created_at")
    if created is None:
        as_of = np.full(len(used), NO_TIME, np.int64)
    else:
        as_of = created.view("i8")[used] + round(age_days * DAY)
    return choose_features(leads, used, as_of=as_of, log=log)


def feature(catalogue: Catalogue, column: str) -> Feature | None:
    found = [f for f in catalogue.features.features if f.column == column]
    return found[0] if found else None


def codes(catalogue: Catalogue) -> dict[str, str]:
    return {item.column: item.code for item in catalogue.excluded}


def one(values: Sequence[object], **mapping: object) -> Feature | str:
    """Return the feature of a column of these values, or the code why there is none."""
    found = chosen({"c": values}, replace(PLAIN, **mapping))  # type: ignore[arg-type]
    made = feature(found, "c")
    return made if made is not None else codes(found)["c"]


def kind(values: Sequence[object], **mapping: object) -> str:
    found = one(values, **mapping)
    return found if isinstance(found, str) else found.kind


class TestWhatAColumnIs:
    def test_numbers(self) -> None:
        assert kind(["1.5", "2,000", "7 %", None] * 20) == "number"

    def test_booleans_are_numbers(self) -> None:
        assert kind([True, False] * 30) == "number"
        assert kind(["true", "FALSE"] * 30) == "number"

    def test_digits_with_a_leading_zero_are_codes(self) -> None:
        found = one(["0713", "713", "2014", "0713", "0800"] * 5)
        assert isinstance(found, Feature)
        assert (found.kind, found.levels) == ("text", ("0713", "0800", "2014", "713"))

    def test_zero_itself_and_fractions_are_no_codes(self) -> None:
        found = one(["0", "0.5", "-0.25", "10"] * 5)
        assert isinstance(found, Feature)
        assert found.kind == "number"

    @pytest.mark.parametrize(("values", "flags"), [([1, 2, 3], False), ([True, 0, 1], True)])
    def test_flags_are_told_from_numbers(self, values: list[object], flags: bool) -> None:
        found = one(values * 5)
        assert isinstance(found, Feature)
        assert (found.kind, found.flags) == ("number", flags)

    def test_codes_with_leading_zeros_are_levels(self) -> None:
        # 01067 is a place: as a number it would be 1,067
        found = one(["01067", "10115", "80331"] * 20)
        assert isinstance(found, Feature)
        assert (found.kind, found.levels) == ("text", ("01067", "10115", "80331"))
        assert kind(["0", "0.5", "10"] * 20) == "number"

    def test_only_columns_that_held_true_or_false_take_them(self) -> None:
        held = one([True, False] * 30)
        without = one(["0", "1"] * 30)
        assert isinstance(held, Feature)
        assert isinstance(without, Feature)
        assert (held.flags, without.flags) == (True, False)

    def test_mixed_columns_go_by_their_majority(self) -> None:
        # 95 of 100 numbers: numbers, and the rest is missing from now on; 94: texts
        mostly = [*range(95), *["50+", "Unknown"] * 2, "?"]
        found = one(mostly)
        assert isinstance(found, Feature)
        assert (found.kind, found.gaps) == ("number", ("50+", "?", "Unknown"))
        assert kind([*(i % 9 for i in range(94)), *["50+", "Unknown"] * 3]) == "text"

    def test_texts_that_mean_missing_are_no_values(self) -> None:
        assert kind(["n/a", "Select", "7"] * 20) == "number"

    def test_texts_are_levels_in_order(self) -> None:
        found = one(["Web", "Ads", "Fair", None] * 10)
        assert isinstance(found, Feature)
        assert (found.kind, found.levels) == ("text", ("Ads", "Fair", "Web"))

    def test_rare_texts_share_a_level(self) -> None:
        found = one(["Web"] * 30 + ["Ads"] * 5 + ["Fair"] * 4 + ["Fax"])
        assert isinstance(found, Feature)
        assert found.levels == ("Ads", "Web", RARE)

    def test_a_text_spelt_like_the_shared_level_joins_it(self) -> None:
        found = one(["Web"] * 30 + [RARE] * 10)
        assert isinstance(found, Feature)
        assert found.levels == ("Web", RARE)

    def test_few_leads_keep_every_level(self) -> None:
        found = one(["Web", "Ads", "Fair", "Fax"] * 2)
        assert isinstance(found, Feature)
        assert found.levels == ("Ads", "Fair", "Fax", "Web")

    @pytest.mark.parametrize("levels", [253, 254, 255, 400])
    def test_at_most_254_levels(self, levels: int) -> None:
        # Level k has 5 + k leads: the most frequent 253 stay, the others share one.
        values = [f"code {k:03}" for k in range(levels) for _ in range(5 + k)]
        found = one(values)
        assert isinstance(found, Feature)
        own = [f"code {k:03}" for k in range(max(0, levels - 253), levels)]
        assert found.levels == (*own, *([RARE] if levels > 253 else []))

    def test_many_rare_levels_without_a_frequent_one_stay_within_bounds(self) -> None:
        values = [f"code {k % 300:03}" for k in range(1000)]  # 3 or 4 leads each
        found = one(values)
        assert isinstance(found, Feature)
        assert len(found.levels) == 254
        assert found.levels[-1] == RARE


class TestTimes:
    @staticmethod
    def days(age: Sequence[float], **mapping: object) -> Feature | str:
        created = pd.date_range("2024-01-01", periods=len(age), freq="7h")
        seen = (created - pd.to_timedelta(age, unit="D")).astype(str)
        mapped = replace(PLAIN, **mapping)  # type: ignore[arg-type]
        found = chosen({"created": created.astype(str), "seen": seen}, mapped)
        return feature(found, "seen") or codes(found)["seen"]

    def test_times_before_the_moment_are_ages(self) -> None:
        found = self.days(np.linspace(0, 9, 60).tolist())
        assert isinstance(found, Feature)
        assert (found.name, found.kind) == ("days since seen", "time")

    def test_a_column_of_later_times_tells_what_happened_later(self) -> None:
        # 5 of 100 later: kept (those are missing then); 6 of 100: left out
        kept = self.days([-1.0] * 5 + [1.0] * 95)
        assert isinstance(kept, Feature)
        assert self.days([-1.0] * 6 + [1.0] * 94) == "TIME014"
        assert isinstance(self.days([-1.0] * 100, keep=("seen",)), Feature)

    def test_without_a_moment_there_is_nothing_to_judge_them_against(self) -> None:
        undated = LeadMapping(id="id")
        found = chosen({"seen": ["2024-01-01", "2024-01-02"] * 20}, undated)
        assert codes(found)["seen"] == "TIME013"

    def test_times_of_leads_that_are_not_learnt_from_do_not_matter(self) -> None:
        seen = [*pd.date_range("2023-01-01", periods=50).astype(str), *["soon"] * 10]
        found = chosen({"seen": seen}, rows=50)
        assert feature(found, "seen") is not None

    def test_in_a_format_of_their_own(self) -> None:
        mapping = LeadMapping(id="id", created_at="created", date_format="%d/%m/%Y")
        columns = {"created": ["15/02/2024"] * 30, "seen": ["14/02/2024", "13/02/2024"] * 15}
        assert feature(chosen(columns, mapping), "seen") is not None


class TestIds:
    def test_texts_that_differ_in_nearly_every_lead(self) -> None:
        assert one([f"mail{n}@x.com" for n in range(50)]) == "DATA007"
        # 45 distinct of 50 is nine in ten: not above it
        assert kind([f"mail{n % 45}@x.com" for n in range(50)]) == "text"
        assert kind([f"mail{n}@x.com" for n in range(49)]) == "text"  # too few leads to tell
        assert kind([f"mail{n}@x.com" for n in range(50)], keep=("c",)) == "text"

    def test_a_counter(self) -> None:
        assert one([str(1000 + n) for n in range(50)]) == "DATA007"
        assert one([10 * n for n in range(1000)]) == "DATA007"
        assert kind([str(1000 + n) for n in range(49)]) == "number"
        assert kind([str(1000 + n) for n in range(50)], keep=("c",)) == "number"

    def test_long_numbers(self) -> None:
        assert one([5_000_000_000 + 7919 * n**2 for n in range(50)]) == "DATA007"

    def test_rounded_amounts_are_no_ids(self) -> None:
        # yearly revenues of 60 companies, all above a million and all different
        random = np.random.default_rng(0)
        revenue = 1000 * random.choice(90_000, 60, replace=False) + 1_000_000
        assert len(set(revenue.tolist())) == 60
        assert kind(revenue.tolist()) == "number"

    def test_numbers_that_happen_to_differ_are_no_ids(self) -> None:
        # 60 leads over 1,000 employees: drawn at random, all differ once in six such columns
        random = np.random.default_rng(0)
        spread = random.choice(1000, 60, replace=False)
        assert len(set(spread.tolist())) == 60
        assert kind(spread.tolist()) == "number"

    def test_fractions_and_repeats_are_no_ids(self) -> None:
        assert kind([n + 0.5 for n in range(60)]) == "number"
        assert kind([*range(59), 58]) == "number"


MESSAGES = [
    f"{opening} {need} for {number} people at {chr(97 + number % 26)}{chr(97 + number // 26)} ltd"
    for number in range(100)
    for opening, need in (
        [("we need pricing", "now"), ("please show a demo", "soon"), ("call me back", "later")][
            number % 3
        ],
    )
]


def words_of(values: Sequence[object], **mapping: object) -> list[str]:
    found = chosen({"c": values}, replace(PLAIN, **mapping))  # type: ignore[arg-type]
    return [str(f.word) for f in found.features.features if f.kind == "word"]


class TestWords:
    def test_sentences_that_all_differ_are_read_for_their_words(self) -> None:
        assert len(set(MESSAGES)) == 100
        found = chosen({"c": MESSAGES})
        assert codes(found).get("c") is None
        assert {f.kind for f in found.features.features if f.column == "c"} == {"word"}
        # each third of the 100 has its words; what all have ("for … people at … ltd") tells nothing
        words = words_of(MESSAGES)
        assert {"pricing", "demo", "call", "soon"} < set(words)
        assert not {"people", "for", "ltd", "people at"} & set(words)
        assert "c mentions 'demo'" in found.features.names

    def test_names_and_addresses_of_mail_stay_ids(self) -> None:
        letters = [chr(97 + a) + chr(97 + b) for a in range(10) for b in range(10)]
        assert one([f"anna {name}" for name in letters]) == "DATA007"
        assert one([f"anna.maria.von.{name}@mail.example.com" for name in letters]) == "DATA007"

    def test_titles_that_leads_share_are_levels_and_words(self) -> None:
        # 40 titles of 2 words, 5 leads each; "head" in 100 of the 200
        titles = [
            f"{('head', 'clerk')[n % 2]} {chr(97 + n % 20)}{chr(97 + n // 20)}" for n in range(40)
        ]
        found = chosen({"c": titles * 5})
        assert [f.kind for f in found.features.features if f.column == "c"] == [
            "text",
            *["word"] * 2,
        ]
        assert words_of(titles * 5) == ["clerk", "head"]
        assert words_of(titles[:29] * 5) == []  # so few are levels and nothing else
        assert words_of([title.replace(" ", "") for title in titles] * 5) == []

    def test_kept_sentences_are_levels_too(self) -> None:
        kinds = {
            f.kind for f in chosen({"c": MESSAGES}, replace(PLAIN, keep=("c",))).features.features
        }
        assert {"text", "word"} <= kinds


class TestLeftOut:
    def test_mapped_columns_with_their_role(self) -> None:
        mapping = LeadMapping(
            id="id",
            outcome="stage",
            won=("Won",),
            created_at="created",
            handed_off_at="handed",
            followed_up_at="touched",
            closed_at="closed",
            owner="rep",
            account="company",
            source="origin",
            amount="amount",
            margin="margin",
            points="points",
            ignore=("note",),
        )
        time = pd.date_range("2024-01-01", periods=40).astype(str).tolist()
        columns: dict[str, Sequence[object]] = {
            "stage": ["Won", "Lost"] * 20,
            "created": time,
            "handed": time,
            "touched": time,
            "closed": time,
            "rep": ["Ann", "Bob"] * 20,
            "company": ["A", "B"] * 20,
            "origin": ["Ads", "Web"] * 20,
            "amount": range(40),
            "margin": np.linspace(0, 1, 40),
            "points": range(40),
            "note": ["x", "y"] * 20,
        }
        found = chosen(columns, mapping)
        roles = ("id", "stage", "created", "handed", "touched", "closed", "rep", "amount", "margin")
        assert codes(found) == dict.fromkeys([*roles, "points"], "ROLE001") | {"note": "ROLE002"}
        assert found.features.columns == ["company", "origin"]
        reasons = {item.column: item.reason for item in found.excluded}
        assert reasons["rep"] == "is mapped as owner, which is never a feature"

    def test_what_sales_made_of_a_hand_off_is_no_feature(self) -> None:
        mapping = replace(
            PLAIN,
            qualified_at="q",
            accepted_at="a",
            rejected_at="r",
            rejection_reason="why",
            outcome_recorded_at="w",
            probability="p",
            band="b",
            segment="s",
            account_size="n",
        )
        time = pd.date_range("2024-01-01", periods=40).astype(str).tolist()
        two = ["x", "y"] * 20
        columns = {"q": time, "a": time, "r": time, "w": time, "why": two, "b": two, "s": two}
        found = chosen(columns | {"p": np.linspace(0, 1, 40), "n": [10, 20] * 20}, mapping)
        never = ("id", "created", "q", "a", "r", "w", "why", "b", "p")
        assert codes(found) == dict.fromkeys(never, "ROLE001")
        assert found.features.columns == ["s", "n"]  # what the lead is, not what became of it

    def test_a_column_that_is_empty_in_the_training_leads(self) -> None:
        assert codes(chosen({"c": [None, "n/a"] * 20 + ["Web"] * 5}, rows=40))["c"] == "DATA005"

    def test_a_column_of_what_is_neither_text_nor_number(self) -> None:
        assert one([1j, 2j] * 20) == "DATA008"

    def test_every_column_is_a_feature_or_has_a_reason(self) -> None:
        columns: dict[str, Sequence[object]] = {
            "a": ["x", "y"] * 30,
            "b": range(60),
            "c": [None] * 60,
            "d": [1.5, 2] * 30,
        }
        found = chosen(columns)
        told = {item.column for item in found.excluded}
        assert told | set(found.features.columns) == {*columns, "id", "created"}
        assert not told & set(found.features.columns)


def test_numbers_with_a_decimal_comma_travel_with_their_sign() -> None:
    values = ["2.835", "1.234.567", "12,5", "7,5"] * 5
    assert kind(values, decimal=",") == "number"
    assert kind([f"12.{n}" for n in range(100, 160)], decimal=",") == "DATA007"  # a counter
    mapping = LeadMapping(decimal=",")
    assert chosen({"x": values}, mapping=mapping).features.decimal == ","


def test_the_outcome_is_never_looked_at() -> None:
    # Same columns, outcomes turned round: the very same catalogue.
    random = np.random.default_rng(0)
    stage = np.where(random.random(200) < 0.3, "Won", "Lost")
    mapping = replace(PLAIN, outcome="stage", won=("Won",), lost=("Lost",))
    columns: dict[str, Sequence[object]] = {
        "leak": np.where(stage == "Won", "yes", "no").tolist(),
        "code": random.integers(0, 300, 200).tolist(),
    }
    turned = np.where(stage == "Won", "Lost", "Won").tolist()
    here = chosen(columns | {"stage": stage.tolist()}, mapping)
    there = chosen(columns | {"stage": turned}, mapping)
    assert here == there


class TestLife:
    def test_hour_and_weekday_of_creation(self) -> None:
        found = chosen({"c": ["a", "b"] * 20})
        assert [f.name for f in found.features.features[1:]] == ["hour created", "weekday created"]

    def test_age_where_it_differs(self) -> None:
        leads = leads_of({"c": ["a", "b"] * 20})
        created = leads.times["created_at"].view("i8")
        found = choose_features(leads, np.arange(40), as_of=created + np.arange(40) * DAY, log=None)
        assert [f.kind for f in found.features.features[1:]] == ["age", "hour", "weekday"]

    def test_the_same_age_for_all_is_no_feature(self) -> None:
        found = chosen({"c": ["a", "b"] * 20}, age_days=3.0)
        assert "age in days" not in found.features.names

    def test_none_without_a_creation_time(self) -> None:
        found = chosen({"c": ["a", "b"] * 20}, LeadMapping(id="id"))
        assert found.features.names == ["c"]


def log_of(touches: Sequence[tuple[int, int, int]], kinds: Sequence[str]) -> ActivityLog:
    lead, moment, code = (np.array(part) for part in zip(*touches, strict=True))
    return ActivityLog(
        lead.astype(np.intp),
        moment.astype(np.int64),
        code.astype(np.int32),
        np.full(len(touches), -1, np.int32),
        kinds,
        (),
    )


class TestActivities:
    def test_kinds_that_ten_leads_have_before_their_moment(self) -> None:
        # visit: leads 0-9 before; mail: leads 0-8 before and lead 9 only afterwards; call: one
        # lead ten times
        first = pd.Timestamp("2024-01-01").value // 1000
        step = 7 * DAY // 24
        touches = [(n, first + n * step - 1, 0) for n in range(10)]
        touches += [(n, first + n * step - 1, 1) for n in range(9)] + [(9, first + 9 * step, 1)]
        touches += [(0, first - k, 2) for k in range(1, 11)]
        log = log_of(touches, ["visit", "mail", "call"])
        found = chosen({"c": ["a", "b"] * 20}, log=log)
        names = [f.name for f in found.features.features if f.kind in ("count", "recency", "days")]
        windows = ["1 day", "7 days", "30 days", "90 days"]
        expected = [
            name
            for kind in ("any activity", "visit")
            for name in (
                *(f"{kind}: times in {window}" for window in windows),
                f"{kind}: times ever",
                f"{kind}: days since last",
                f"{kind}: days active",
            )
        ]
        assert names == expected

    def test_no_activities_no_features(self) -> None:
        assert not chosen({"c": ["a", "b"] * 20}, log=None).features.reads_activities
        empty = ActivityLog.empty()
        assert not chosen({"c": ["a", "b"] * 20}, log=empty).features.reads_activities


def test_features_of_one_value_are_dropped_and_columns_among_them_told() -> None:
    found = chosen({"c": ["a", "b"] * 20, "same": ["x"] * 40, "gap": [1, None] * 20})
    count = Feature(name="visits", kind="count")
    found = replace(
        found, features=replace(found.features, features=(*found.features.features, count))
    )
    x = np.zeros((40, len(found.features.features)))
    x[::2, 0] = 1  # c
    x[::2, 2] = np.nan  # gap: present or missing is a difference
    left, kept = drop_constant(found, x)
    assert kept.tolist() == [True, False, True, False, False, False]
    assert left.features.names == ["c", "gap"]
    told = [item for item in left.excluded if item.code == "DATA006"]
    assert [item.column for item in told] == ["same"]  # no other is a column


def test_all_missing_counts_as_one_value() -> None:
    found = chosen({"c": ["a", "b"] * 20})
    x = np.full((40, 3), np.nan)
    assert not drop_constant(found, x)[1].any()
