"""What may not enter the ledger is told apart, with what was expected and what was found."""

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from leadml.domain.event import KINDS, REJECTIONS, Event
from leadml.domain.event_check import problem_of
from leadml.domain.event_detail import NAMES

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
THEN = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)

WEST, EAST = timezone(-timedelta(hours=14)), timezone(timedelta(hours=14))


def problem(kind: str = "won", **more: Any) -> str:
    event = Event(**{"event": kind, "lead": "L1", "happened_at": THEN, **more})
    return problem_of(event, reasons=REJECTIONS, now=NOW)


SOUND: dict[str, dict[str, Any]] = {
    "scored": {
        "probability": 0,
        "points": -3.5,
        "sales_ready": True,
        "hand_off": False,
        "explored": False,
        "handoff_probability": 1,
        "cut": 0.2,
        "band": "A",
        "priority": 99,
        "expected_margin": 12.5,
        "reasons": [{"feature": "x", "value": None}],
        "points_bucket": "A",
        "grade": "A1",
        "as_of": "2026-03-01T09:30:00Z",
        "shadow": False,
        "attributes": {
            "source": "web",
            "industry": None,
            "segment": "smb",
            "account_size": 250,
            "created_at": "2026-02-01T00:00:00+01:00",
            "qualified_at": "2026-02-02T00:00:00Z",
        },
    },
    "handed_off": {"explored": True, "handoff_probability": 0.02, "attributes": {}},
    "accepted": {},
    "rejected": {"reason": "wrong_person", "right_person": "L2", "text": "moved"},
    "followed_up": {},
    "won": {"amount": 0, "margin_amount": -5.5, "recorded_at": "2026-03-09T00:00:00Z"},
    "lost": {"recorded_at": "2026-03-09T00:00:00Z"},
    "reopened": {},
    "corrected": {"corrects": "k", "event": "rejected", "detail": {"reason": "no_need"}},
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_name_of_every_kind_is_taken(kind: str) -> None:
    about = {"attributes": {"source": "Web"}} if "attributes" in NAMES[kind] else {}
    assert problem(kind, detail=SOUND[kind] | about) == ""
    assert kind == "corrected" or set(SOUND[kind] | about) == set(NAMES[kind])


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"event": "sold"}, "event must be one of scored, handed_off, .*corrected, found 'sold'"),
        ({"event": None}, "event must be one of .*, found None"),
        ({"event": ["won"]}, r"event must be one of .*, found \['won'\]"),
        ({"lead": ""}, "lead must be a text of 1 to 200 characters .*found ''"),
        ({"lead": None}, "lead must be a text .*found None"),
        ({"lead": 7}, "lead must be a text .*found 7"),
        ({"lead": "x" * 200}, ""),
        ({"lead": "a\u00a0b"}, ""),  # a blank that does not break, as CRMs write it
        ({"lead": "x" * 201}, "lead must be a text of 1 to 200 .*xx[.]{3}$"),
        ({"lead": "a\x00b"}, "lead must be a text .*control"),
        ({"lead": "a\ud800"}, "lead must be a text"),
        ({"lead": " a"}, "lead must be a text .*blanks"),
        ({"account": "a\n"}, "account must be a text"),
        ({"owner": ""}, "owner must be a text"),
        ({"model_version": 3}, "model_version must be a text"),
        ({"agreement_hash": b"x"}, "agreement_hash must be a text"),
        ({"idempotency_key": None}, ""),
        ({"idempotency_key": "k" * 201}, "idempotency_key must be a text"),
        ({"happened_at": "2026-03-01"}, "happened_at must be a time with its offset, found"),
        ({"happened_at": datetime(2026, 3, 1)}, "happened_at must be a time with its"),  # noqa: DTZ001
        ({"happened_at": NOW + timedelta(minutes=5)}, ""),
        (
            {"happened_at": NOW + timedelta(minutes=5, seconds=1)},
            r"happened_at 2026-03-10T12:05:01\+00:00 lies more than 5 minutes in the future \(now "
            r"2026-03-10T12:00:00\+00:00\): check the date and its time zone",
        ),
        ({"happened_at": datetime(1970, 1, 1, tzinfo=UTC)}, ""),
        ({"happened_at": datetime(1969, 12, 31, tzinfo=UTC)}, "lies before 1970: check the year"),
        ({"happened_at": datetime.max.replace(tzinfo=WEST)}, "9999-12-31T.* in the future"),
        ({"happened_at": datetime.min.replace(tzinfo=EAST)}, "lies before 1970: check the year"),
        ({"detail": {"recorded_at": "9999-12-31T23:00:00-14:00"}}, "must be an ISO 8601 time"),
        ({"detail": {"recorded_at": "0001-01-01T00:00:00+14:00"}}, "must be an ISO 8601 time"),
        ({"detail": None}, "detail must be an object, found None"),
        ({"detail": {"price": 1}}, "won may hold amount, margin_amount, .*, found 'price'"),
        ({"detail": {"amount": float("nan")}}, "detail.amount must be a finite number, found nan"),
        ({"detail": {"amount": float("inf")}}, "detail.amount must be a finite number, found inf"),
        ({"detail": {"amount": 10**400}}, "detail.amount must be a finite number, found 1000"),
        ({"detail": {"amount": True}}, "detail.amount must be a finite number, found True"),
        ({"detail": {"amount": "5"}}, "detail.amount must be a finite number, found '5'"),
        ({"detail": {"amount": None}}, ""),
        ({"detail": {"recorded_at": "2026-03-01T00:00:00"}}, "recorded_at must be an ISO 8601"),
        ({"detail": {"recorded_at": "2026-03-11T00:00:00Z"}}, "detail.recorded_at .* the future"),
        ({"event": "lost", "detail": {"amount": 1}}, "lost may hold recorded_at, attributes"),
        ({"event": "reopened", "detail": {"a": 1}}, "reopened may hold nothing, found 'a'"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(given: dict[str, Any], expected: str) -> None:
    found = problem(**{"kind": given.pop("event", "won"), **given})
    assert re.search(expected, found) if expected else found == ""


@pytest.mark.parametrize(
    ("detail", "expected"),
    [
        ({"probability": 1.01}, "detail.probability must be a number from 0 to 1, found 1.01"),
        ({"sales_ready": 1}, "detail.sales_ready must be true or false, found 1"),
        ({"band": ""}, "detail.band must be a text of 1 to 500 characters .*, found ''"),
        ({"band": "A\x00"}, "detail.band must be a text .* without control characters"),
        ({"band": "x" * 501}, "detail.band must be a text of 1 to 500 characters"),
        ({"as_of": "yesterday"}, "detail.as_of must be an ISO 8601 time with its offset"),
        ({"reasons": {"a": 1}}, "detail.reasons must be a list of up to 50 objects"),
        ({"reasons": [1]}, "detail.reasons must be a list of up to 50 objects"),
        ({"reasons": [{}] * 51}, "detail.reasons must be a list of up to 50 objects"),
        ({"reasons": [{"x": float("nan")}]}, "detail must hold plain JSON values"),
        ({"reasons": [{"x": {1, 2}}]}, "detail must hold plain JSON values"),
        ({"reasons": [{"x": "\ud800"}]}, "detail must hold plain JSON values"),
        ({"reasons": [{1: 1, "a": 2}]}, "detail must hold plain JSON values"),
        ({"reasons": [{"x": "y" * 32_749}]}, "detail may be 32,768 characters of JSON long, found"),
        ({"attributes": []}, "detail.attributes must be an object, found"),
        ({"attributes": {"colour": "red"}}, "an object of source, .*, without 'colour'"),
        ({"attributes": {"source": 5}}, "an object whose source is a text of 1 to 500 characters"),
        ({"attributes": {"account_size": []}}, "whose account_size is a number or a text of 1 to"),
        ({"attributes": {"created_at": "2026"}}, "an object whose created_at is an ISO 8601 time"),
    ],
)
def test_what_a_score_may_hold(detail: dict[str, Any], expected: str) -> None:
    assert re.search(expected, problem("scored", detail=detail))


def test_what_just_fits() -> None:
    full = {"band": "x" * 500, "reasons": [{}] * 50, "attributes": {"account_size": "10 to 50"}}
    assert problem("scored", detail=full) == ""


def test_a_detail_may_fill_its_room() -> None:
    """``{"reasons":[{"x":""}]}`` are 22 characters beside the text."""
    assert problem("scored", detail={"reasons": [{"x": "y" * 32_746}]}) == ""
    assert "found 32,769" in problem("scored", detail={"reasons": [{"x": "y" * 32_747}]})


@pytest.mark.parametrize(
    ("detail", "expected"),
    [
        ({}, "a rejection needs detail.reason, one of wrong_person, no_budget"),
        ({"reason": "bored"}, "detail.reason must be one of wrong_person.*, found 'bored'"),
        ({"reason": "other"}, "a rejection for the reason other needs detail.text"),
        ({"reason": "other", "text": "on holiday"}, ""),
        ({"reason": "no_need", "text": "has one"}, ""),
        ({"reason": "no_need", "text": "x" * 501}, "detail.text must be a text of 1 to 500"),
        ({"reason": "no_need", "right_person": "Bo"}, "right_person goes with .*, found no_need"),
    ],
)
def test_rejections(detail: dict[str, Any], expected: str) -> None:
    found = problem("rejected", detail=detail)
    assert re.search(expected, found) if expected else found == ""


def test_the_list_of_reasons_is_closed_and_the_company_s_own() -> None:
    event = Event(event="rejected", lead="L", happened_at=THEN, detail={"reason": "too_far"})
    assert problem_of(event, reasons=("too_far",), now=NOW) == ""
    assert "one of too_far, found 'other'" in problem_of(
        Event(event="rejected", lead="L", happened_at=THEN, detail={"reason": "other"}),
        reasons=("too_far",),
        now=NOW,
    )


@pytest.mark.parametrize(
    ("detail", "expected"),
    [
        ({"void": True}, "a correction needs detail.corrects"),
        ({"corrects": "k"}, "a correction needs detail.void or what replaces"),
        ({"corrects": "own", "void": True}, "a correction cannot correct itself"),
        ({"corrects": "k", "void": False}, "detail.void of a correction is true and stands alone"),
        ({"corrects": "k", "void": True, "owner": "a"}, "stands alone"),
        ({"corrects": "k", "void": True}, ""),
        ({"corrects": "k", "owner": "bo"}, ""),
        ({"corrects": "k", "owner": "b\x00"}, "detail.owner must be a text .* control"),
        ({"corrects": "k", "owner": "b" * 201}, "detail.owner must be a text of 1 to 200"),
        ({"corrects": "k", "happened_at": "2026-03-01T00:00:00Z"}, ""),
        ({"corrects": "k", "happened_at": "2026-03-11T00:00:00Z"}, "detail.happened_at .* future"),
        ({"corrects": "k", "event": "corrected"}, "detail.event must be one of scored, .*"),
        ({"corrects": "k", "event": "won", "detail": {"amount": 5}}, ""),
        ({"corrects": "k", "event": "won", "detail": {"reason": "no_need"}}, "detail of won may"),
        ({"corrects": "k", "detail": {"amount": 5}}, ""),
        ({"corrects": "k", "detail": {"amount": None}}, ""),
        ({"corrects": "k", "detail": {"amount": "5"}}, "detail.amount must be a finite number"),
        ({"corrects": "k", "detail": {"sum": 5}}, "detail of .* may hold .*, found 'sum'"),
        ({"corrects": "k", "detail": {"reason": "bored"}}, "detail.reason must be one of"),
        ({"corrects": "k", "event": "rejected", "detail": {"reason": "other"}}, "detail.text"),
        ({"corrects": "k", "event": "rejected"}, "a rejection needs detail.reason"),
    ],
)  # fmt: skip
def test_corrections(detail: dict[str, Any], expected: str) -> None:
    found = problem("corrected", detail=detail, idempotency_key="own")
    assert re.search(expected, found) if expected else found == ""
