"""Leads as a CRM sends them, read one by one."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest

from leadml.data.identity import content_id
from leadml.data.values import NO_TIME, microseconds
from leadml.domain.definition import Definition
from leadml.domain.mapping import ActivityMapping
from leadml.workflows.records import Record, RecordReader, log_of

NOW = datetime(2024, 6, 1, 12, tzinfo=UTC)
KNOWN = frozenset({"id", "created", "handed", "size", "note"})
Touches = list[dict[str, Any]]


@pytest.fixture
def read(handmade: Definition) -> "Reader":
    return Reader(handmade)


class Reader:
    def __init__(self, definition: Definition) -> None:
        self.reader = RecordReader(definition, KNOWN)

    def __call__(
        self, lead: dict[str, object], touches: Touches | None = None, as_of: datetime | None = None
    ) -> Record:
        return self.reader.read(lead, touches, None, as_of, at(NOW))


def at(moment: datetime) -> int:
    return microseconds(moment)


def test_unknown_fields_are_told(read: Reader) -> None:
    assert read({"id": "a", "colour": "red"}).warnings == ["unknown field 'colour' was not used"]
    assert read({"id": "b", "size": 1}).warnings == []


def test_of_many_unknown_fields_a_hundred_are_told_by_name(read: Reader) -> None:
    told = read({"id": "a"} | {f"x{n}": 1 for n in range(1_101)}).warnings
    assert told[:100] == [f"unknown field 'x{n}' was not used" for n in range(100)]
    assert told[100:] == ["and 1,001 more unknown fields were not used"]
    assert len(read({"id": "a"} | {f"x{n}": 1 for n in range(100)}).warnings) == 100


class TestIds:
    @pytest.mark.parametrize(("given", "told"), [(" a ", "a"), (7, "7"), (7.0, "7")])
    def test_in_one_spelling(self, read: Reader, given: object, told: str) -> None:
        record = read({"id": given})
        assert (record.lead_id, record.problems) == (told, [])

    @pytest.mark.parametrize("lead", [{}, {"id": None}, {"id": " "}, {"id": "n/a"}])
    def test_none(self, read: Reader, lead: dict[str, object]) -> None:
        record = read(lead)
        assert record.problems == [("id", "expected a lead id, found none")]
        assert record.lead_id is None

    @pytest.mark.parametrize(("given", "shown"), [(True, "true"), (False, "false")])
    def test_a_boolean_is_none(self, read: Reader, given: bool, shown: str) -> None:
        record = read({"id": given})
        assert record.problems == [("id", f"expected a lead id, found {shown}")]
        assert record.lead_id is None
        assert read({"id": shown}).lead_id == shown  # a text is one

    def test_a_list(self, read: Reader) -> None:
        assert read({"id": ["a"]}).problems == [("id", "expected a text, found ['a']")]

    def test_from_the_content_where_none_is_mapped(self, handmade: Definition) -> None:
        mapping = replace(handmade.leads, id=None)
        lead: dict[str, object] = {"size": 5, "created": "2024-05-01"}
        record = Reader(replace(handmade, leads=mapping))(lead)
        assert record.lead_id == content_id(lead, mapping, frozenset())


class TestMoments:
    def test_now_where_nothing_else_is_known(self, read: Reader) -> None:
        record = read({"id": "a"})
        assert (record.as_of, record.created) == (at(NOW), NO_TIME)

    @pytest.mark.parametrize(
        ("handed", "judged"),
        [
            # naive times are read in Berlin: 10:00 there in summer is 08:00 UTC
            ("2024-05-30T10:00", datetime(2024, 5, 30, 8, tzinfo=UTC)),
            ("2024-06-01T12:00Z", NOW),
            ("2024-06-01T12:00:01Z", NOW),
        ],
    )
    def test_the_hand_off_where_it_has_passed(
        self, read: Reader, handed: str, judged: datetime
    ) -> None:
        assert read({"id": "a", "handed": handed}).as_of == at(judged)

    def test_the_moment_asked_for_comes_first(self, read: Reader) -> None:
        wanted = datetime(2024, 5, 1, 9, tzinfo=timezone(timedelta(hours=-3)))
        record = read({"id": "a", "handed": "2024-05-30"}, as_of=wanted)
        assert record.as_of == at(datetime(2024, 5, 1, 12, tzinfo=UTC))

    def test_a_naive_moment_is_read_in_the_zone(self, read: Reader) -> None:
        record = read({"id": "a"}, as_of=datetime(2024, 5, 1, 9))  # noqa: DTZ001
        assert record.as_of == at(datetime(2024, 5, 1, 7, tzinfo=UTC))

    def test_created_later_than_judged_is_an_error(self, read: Reader) -> None:
        assert read({"id": "a", "created": "2024-06-01T12:00Z"}).problems == []
        assert read({"id": "b", "created": "2024-06-02"}).problems == [
            ("created", "created after the moment it is judged (as_of)")
        ]

    @pytest.mark.parametrize("column", ["created", "handed"])
    def test_a_time_that_cannot_be_read(self, read: Reader, column: str) -> None:
        why = "expected an ISO 8601 time, found 'soon'"
        assert read({"id": "a", column: "soon"}).problems == [(column, why)]
        assert read({"id": "b", column: "n/a"}).problems == []


class TestActivities:
    def test_unknown_and_none_are_two_things(self, read: Reader) -> None:
        assert read({"id": "a"}).touches is None
        assert read({"id": "a"}, []).touches == []

    def test_of_each_lead(self, read: Reader) -> None:
        touches: list[Touches] = [
            [{"timestamp": "2024-05-01T00:00Z", "event": "visit", "url": "/a"}],
            [
                {"timestamp": "2024-05-02T02:00", "event": "mail"},
                {"timestamp": "2024-05-03T00:00Z", "event": "visit", "url": "/b"},
                {"timestamp": "2024-05-04T00:00Z", "event": None},
            ],
        ]
        log = log_of([read({"id": name}, own) for name, own in zip("ab", touches, strict=True)])
        assert log.lead.tolist() == [0, 1, 1, 1]
        days = [datetime(2024, 5, day, tzinfo=UTC) for day in (1, 2, 3, 4)]
        assert log.at.tolist() == [at(day) for day in days]
        kinds = [log.kinds[code] if code >= 0 else None for code in log.kind]
        assert kinds == ["visit", "mail", "visit", None]
        details = [log.details[code] if code >= 0 else None for code in log.detail]
        assert details == ["/a", None, "/b", None]

    def test_no_activities_at_all(self, read: Reader) -> None:
        log = log_of([read({"id": "a"}, [])])
        assert len(log) == 0
        assert log.lead.dtype == np.intp
        assert log.kind.dtype == np.int32

    @pytest.mark.parametrize(
        "touch", [{}, {"timestamp": "soon", "event": "visit"}, {"event": "visit"}]
    )
    def test_one_without_a_time_is_an_error_with_its_number(
        self, read: Reader, touch: dict[str, object]
    ) -> None:
        good = {"timestamp": "2024-05-01", "event": "visit"}
        record = read({"id": "b"}, [good, touch])
        ((column, why),) = record.problems
        assert column == "activities.1"
        assert why.startswith("expected an ISO 8601 time, found")
        assert record.touches is not None
        assert len(record.touches) == 1

    def test_a_kind_that_is_a_list(self, read: Reader) -> None:
        touch = {"timestamp": "2024-05-01", "event": ["visit"]}
        assert read({"id": "a"}, [touch]).problems[0][0] == "activities.0"

    def test_details_not_mapped_are_not_read(self, handmade: Definition) -> None:
        names = ActivityMapping(detail=None)
        touch = {"timestamp": "2024-05-01", "event": "visit", "url": {"an": "object"}}
        record = Reader(replace(handmade, activities=names))({"id": "a"}, [touch])
        assert record.problems == []
        assert record.touches == [(at(datetime(2024, 4, 30, 22, tzinfo=UTC)), "visit", None)]
