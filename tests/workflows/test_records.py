"""Leads as a CRM sends them, read into a batch."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest

from leadml.data.identity import content_id
from leadml.data.values import NO_TIME, microseconds
from leadml.domain.definition import Definition
from leadml.domain.mapping import ActivityMapping
from leadml.workflows.records import LeadBatch, Records

NOW = datetime(2024, 6, 1, 12, tzinfo=UTC)
KNOWN = frozenset({"id", "created", "handed", "size", "note"})


@pytest.fixture
def read(handmade: Definition) -> "Reader":
    return Reader(handmade)


class Reader:
    def __init__(self, definition: Definition) -> None:
        self.definition = definition

    def __call__(
        self,
        leads: Sequence[Mapping[str, object]],
        activities: Sequence[Sequence[Mapping[str, object]] | None] | None = None,
        as_of: Sequence[datetime | None] | None = None,
    ) -> tuple[LeadBatch, list[list[str]]]:
        return Records(self.definition, KNOWN, leads, activities, as_of, NOW).batch()


def at(moment: datetime) -> int:
    return microseconds(moment)


def test_columns_of_all_leads_missing_where_a_lead_has_none(read: Reader) -> None:
    batch, _ = read([{"id": "a", "size": 5}, {"id": "b", "note": "x"}])
    assert len(batch) == 2
    assert set(batch.raw) == {"id", "size", "note"}
    assert list(batch.raw["size"].values) == [5, None]
    assert batch.raw["size"].codes.tolist() == [0, 1]


def test_unknown_fields_are_told_lead_by_lead(read: Reader) -> None:
    _, warnings = read([{"id": "a", "colour": "red"}, {"id": "b", "size": 1}])
    assert warnings == [["unknown field 'colour' was not used"], []]


class TestIds:
    def test_in_one_spelling(self, read: Reader) -> None:
        batch, _ = read([{"id": " a "}, {"id": 7}, {"id": 7.0}])
        assert batch.lead_id.tolist() == ["a", "7", "7"]
        assert batch.errors == {}

    @pytest.mark.parametrize("lead", [{}, {"id": None}, {"id": " "}, {"id": "n/a"}])
    def test_none(self, read: Reader, lead: dict[str, object]) -> None:
        batch, _ = read([lead])
        assert batch.errors == {0: [("id", "expected a lead id, found none")]}
        assert batch.lead_id[0] is None

    def test_a_list(self, read: Reader) -> None:
        batch, _ = read([{"id": ["a"]}])
        assert batch.errors == {0: [("id", "expected a text, found ['a']")]}

    def test_from_the_content_where_none_is_mapped(self, handmade: Definition) -> None:
        mapping = replace(handmade.leads, id=None)
        lead = {"size": 5, "created": "2024-05-01"}
        batch, _ = Reader(replace(handmade, leads=mapping))([lead])
        assert batch.lead_id[0] == content_id(lead, mapping, frozenset())


class TestMoments:
    def test_now_where_nothing_else_is_known(self, read: Reader) -> None:
        batch, _ = read([{"id": "a"}])
        assert (batch.as_of[0], batch.created[0]) == (at(NOW), NO_TIME)

    def test_the_hand_off_where_it_has_passed(self, read: Reader) -> None:
        # naive times are read in Berlin: 10:00 there in summer is 08:00 UTC
        batch, _ = read(
            [
                {"id": "a", "handed": "2024-05-30T10:00"},
                {"id": "b", "handed": "2024-06-01T12:00Z"},
                {"id": "c", "handed": "2024-06-01T12:00:01Z"},
            ]
        )
        first = datetime(2024, 5, 30, 8, tzinfo=UTC)
        assert batch.as_of.tolist() == [at(first), at(NOW), at(NOW)]

    def test_the_moment_asked_for_comes_first(self, read: Reader) -> None:
        wanted = datetime(2024, 5, 1, 9, tzinfo=timezone(timedelta(hours=-3)))
        batch, _ = read([{"id": "a", "handed": "2024-05-30"}, {"id": "b"}], as_of=[wanted, None])
        assert batch.as_of.tolist() == [at(datetime(2024, 5, 1, 12, tzinfo=UTC)), at(NOW)]

    def test_a_naive_moment_is_read_in_the_zone(self, read: Reader) -> None:
        batch, _ = read([{"id": "a"}], as_of=[datetime(2024, 5, 1, 9)])  # noqa: DTZ001
        assert batch.as_of[0] == at(datetime(2024, 5, 1, 7, tzinfo=UTC))

    def test_created_later_than_judged_is_an_error(self, read: Reader) -> None:
        batch, _ = read(
            [{"id": "a", "created": "2024-06-01T12:00Z"}, {"id": "b", "created": "2024-06-02"}]
        )
        assert batch.errors == {1: [("created", "created after the moment it is judged (as_of)")]}

    @pytest.mark.parametrize("column", ["created", "handed"])
    def test_a_time_that_cannot_be_read(self, read: Reader, column: str) -> None:
        batch, _ = read([{"id": "a", column: "soon"}, {"id": "b", column: "n/a"}])
        assert batch.errors == {0: [(column, "expected an ISO 8601 time, found 'soon'")]}


Touches = list[dict[str, Any]]


class TestActivities:
    def test_unknown_and_none_are_two_things(self, read: Reader) -> None:
        leads = [{"id": "a"}, {"id": "b"}]
        assert read(leads)[0].untold.tolist() == [True, True]
        assert read(leads, [[], None])[0].untold.tolist() == [False, True]

    def test_of_each_lead(self, read: Reader) -> None:
        touches: list[Touches] = [
            [{"timestamp": "2024-05-01T00:00Z", "event": "visit", "url": "/a"}],
            [
                {"timestamp": "2024-05-02T02:00", "event": "mail"},
                {"timestamp": "2024-05-03T00:00Z", "event": "visit", "url": "/b"},
                {"timestamp": "2024-05-04T00:00Z", "event": None},
            ],
        ]
        log = read([{"id": "a"}, {"id": "b"}], touches)[0].log
        assert log.lead.tolist() == [0, 1, 1, 1]
        days = [datetime(2024, 5, day, tzinfo=UTC) for day in (1, 2, 3, 4)]
        assert log.at.tolist() == [at(day) for day in days]
        kinds = [log.kinds[code] if code >= 0 else None for code in log.kind]
        assert kinds == ["visit", "mail", "visit", None]
        details = [log.details[code] if code >= 0 else None for code in log.detail]
        assert details == ["/a", None, "/b", None]

    def test_no_activities_at_all(self, read: Reader) -> None:
        log = read([{"id": "a"}], [[]])[0].log
        assert (len(log), log.lead.dtype, log.kind.dtype) == (0, np.intp, np.int32)

    @pytest.mark.parametrize(
        "touch", [{}, {"timestamp": "soon", "event": "visit"}, {"event": "visit"}]
    )
    def test_one_without_a_time_is_an_error_with_its_number(
        self, read: Reader, touch: dict[str, object]
    ) -> None:
        good = {"timestamp": "2024-05-01", "event": "visit"}
        batch, _ = read([{"id": "a"}, {"id": "b"}], [[good], [good, touch]])
        ((column, why),) = batch.errors[1]
        assert list(batch.errors) == [1]
        assert column == "activities.1"
        assert why.startswith("expected an ISO 8601 time, found")
        assert len(batch.log) == 2

    def test_a_kind_that_is_a_list(self, read: Reader) -> None:
        touch = {"timestamp": "2024-05-01", "event": ["visit"]}
        batch, _ = read([{"id": "a"}], [[touch]])
        assert batch.errors[0][0][0] == "activities.0"

    def test_details_not_mapped_are_not_read(self, handmade: Definition) -> None:
        names = ActivityMapping(detail=None)
        touch = {"timestamp": "2024-05-01", "event": "visit", "url": {"an": "object"}}
        batch, _ = Reader(replace(handmade, activities=names))([{"id": "a"}], [[touch]])
        assert batch.errors == {}
        assert batch.log.detail.tolist() == [-1]


def test_no_leads(read: Reader) -> None:
    batch, warnings = read([])
    assert (len(batch), warnings, len(batch.log)) == (0, [], 0)
