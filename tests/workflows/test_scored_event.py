"""Scores as events: what is told of them, and what makes two of them the same."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadml.domain.agreement import Agreement
from leadml.domain.definition import Definition
from leadml.domain.event import SHADOW_TEXT, Event
from leadml.domain.event_check import MOST_DETAIL, problem_of
from leadml.domain.mapping import LeadMapping
from leadml.domain.points_table import PointsTable
from leadml.store.intake import Score
from leadml.workflows.scored_event import Telling, score_of

MAPPING = LeadMapping(
    id="lead_id",
    account="company",
    owner="rep",
    source="origin",
    account_size="staff",
    created_at="made",
    qualified_at="qualified",
    timezone="Europe/Berlin",
)
ANSWER: dict[str, Any] = {
    "lead_id": "L1",
    "probability": 0.25,
    "points": None,
    "sales_ready": False,
    "hand_off": True,
    "explored": True,
    "handoff_probability": 0.02,
    "cut": 0.5,
    "band": "C",
    "priority": 12.5,
    "expected_margin": None,
    "reasons": [{"feature": "budget", "effect": -0.5}],
    "points_bucket": None,
    "grade": None,
    "as_of": "2025-03-02T23:00:00.000000Z",
    "scored_at": "2025-03-05T10:04:00+00:00",
    "warnings": ["never kept"],
}
LEAD: dict[str, object] = {
    "lead_id": "L1",
    "company": " Acme ",
    "rep": 7.0,
    "origin": "Web",
    "staff": 250,
    "made": "2025-03-01T12:00",
    "qualified": "",
}


def entry(
    answer: dict[str, Any] = ANSWER,
    lead: dict[str, object] = LEAD,
    version: str = "3",
    mapping: LeadMapping = MAPPING,
    points: PointsTable | None = None,
) -> bytes | None:
    agreement = Agreement(version="spring")
    definition = Definition(leads=mapping, agreement=agreement, points=points or PointsTable())
    found = Telling(definition, version).event(answer, lead, [lead, None, None])
    return found and found.entry


def told(*given: Any, **named: Any) -> Score:
    made = entry(*given, **named)
    assert made is not None
    return score_of(made)


def test_an_answer_is_told_with_what_is_known_of_the_lead() -> None:
    score = told()
    assert (score.lead, score.account, score.owner) == ("L1", "Acme", "7")
    assert score.happened_at == "2025-03-05T10:04:00.000000Z"
    assert score.model_version == "3"
    assert score.agreement_hash == Agreement(version="spring").hash()
    assert json.loads(score.detail) == {
        "probability": 0.25,
        "sales_ready": False,
        "hand_off": True,
        "explored": True,
        "handoff_probability": 0.02,
        "cut": 0.5,
        "band": "C",
        "priority": 12.5,
        "reasons": [{"feature": "budget", "effect": -0.5}],
        "as_of": "2025-03-02T23:00:00.000000Z",
        "attributes": {
            "source": "Web",
            "account_size": "250",
            "created_at": "2025-03-01T11:00:00+00:00",
        },
    }


def test_what_the_ledger_has_no_room_for_is_left_out() -> None:
    lead = {"company": "A\ncme", "rep": "x" * 201, "origin": "x" * 501, "staff": {}, "made": "May"}
    score = told(lead=LEAD | lead)
    assert (score.account, score.owner) == (None, None)
    assert "attributes" not in json.loads(score.detail)
    assert told(lead=LEAD | {"company": ["Acme"], "rep": "x" * 200}).owner == "x" * 200


def test_of_a_lead_only_what_is_mapped_is_read() -> None:
    plain = LeadMapping(id="lead_id", industry="branch")
    score = told(lead=LEAD | {"branch": "Steel"}, mapping=plain)
    assert (score.account, score.owner) == (None, None)
    assert json.loads(score.detail)["attributes"] == {"industry": "Steel"}


def test_values_that_not_every_json_can_hold() -> None:
    """Whole numbers of any length are read as they are; half a surrogate pair is no text."""
    lead = LEAD | {"company": 10**30, "staff": 2**70, "origin": "half \ud83d", "rep": "\udc00"}
    score = told(lead=lead)
    assert (score.account, score.owner) == ("1" + "0" * 30, None)
    assert json.loads(score.detail)["attributes"] == {
        "account_size": str(2**70),
        "created_at": "2025-03-01T11:00:00+00:00",
    }
    score = told(ANSWER | {"reasons": [{"value": 2**70}]})
    assert json.loads(score.detail)["reasons"] == [{"value": 2**70}]


@settings(max_examples=60)
@given(
    st.dictionaries(
        st.sampled_from(["company", "rep", "origin", "staff", "made", "qualified"]),
        st.none() | st.text() | st.integers() | st.floats() | st.booleans() | st.lists(st.text())
        | st.datetimes().map(str),
    ),
    st.text(max_size=220),
    st.floats(0, 1),
)  # fmt: skip
def test_whatever_was_sent_the_ledger_can_keep_what_is_told(
    lead: dict[str, object], name: str, probability: float
) -> None:
    """Nothing is checked again on the way to the ledger, so nothing may be wrong here."""
    made = entry(ANSWER | {"lead_id": name, "probability": probability}, LEAD | lead)
    moment = datetime(2025, 3, 5, 10, 4, tzinfo=UTC)
    if made is None:
        event = Event(event="scored", lead=name, happened_at=moment)
        assert problem_of(event, reasons=(), now=moment)
        return
    score = score_of(made)
    event = Event(
        event="scored", lead=score.lead, happened_at=moment, account=score.account,
        owner=score.owner, model_version=score.model_version,
        agreement_hash=score.agreement_hash, idempotency_key=score.keys[0],
        detail=json.loads(score.detail),
    )  # fmt: skip
    assert (score.lead, problem_of(event, reasons=(), now=moment)) == (name, "")


@pytest.mark.parametrize(
    ("answer", "mapping"),
    [
        ({"probability": None}, {}),
        ({"lead_id": "x" * 201}, {}),
        ({"lead_id": "L\x001"}, {}),
        ({"probability": 1.5}, {}),
        ({"cut": 1.01}, {}),
        ({"reasons": [{"value": "half \ud83d"}]}, {}),
        ({}, {"id": None}),  # an id made of what the lead holds does not last
        ({"reasons": [{"value": "x" * 40_000}]}, {}),
    ],
)
def test_what_the_ledger_cannot_keep(answer: dict[str, Any], mapping: dict[str, Any]) -> None:
    assert entry(ANSWER | answer, mapping=replace(MAPPING, **mapping)) is None


def test_names_of_the_configuration_that_the_ledger_cannot_hold() -> None:
    points = PointsTable(buckets={"hot\x07": 40, "cold": 0})
    assert entry(ANSWER | {"points_bucket": "hot\x07"}, points=points) is None
    assert entry(ANSWER | {"points_bucket": "cold"}, points=points)
    assert entry(version="x" * 201) is None


@pytest.mark.parametrize("room", [0, 1])
def test_a_detail_is_as_long_as_the_ledger_takes_it(room: int) -> None:
    """Attributes may take 3,000 characters of the 32,768, so reasons and numbers have the rest."""
    bare = dict.fromkeys(ANSWER) | {"lead_id": "L1", "probability": 0.5}
    moments = {name: ANSWER[name] for name in ("as_of", "scored_at")}
    empty = json.dumps({"probability": 0.5, "reasons": [{"v": ""}], "as_of": moments["as_of"]})
    length = MOST_DETAIL - 3_000 - len(empty.replace(" ", "")) + room
    made = entry(bare | moments | {"reasons": [{"v": "x" * length}]})
    assert (made is None) is bool(room)


class TestSameScore:
    def keys(self, lead: dict[str, object] = LEAD, **answer: Any) -> Any:
        return told(ANSWER | answer, lead).keys

    def test_keys_can_be_kept(self) -> None:
        # 2025-03-02T23:00 and 2025-03-05T10:04 in whole windows of ten minutes since 1970
        (fixed,) = self.keys()
        assert re.fullmatch(r"score-2901594-[0-9a-f]{32}", fixed)
        now, before = self.keys(as_of="2025-03-05T10:04:00.1Z")
        assert re.fullmatch(r"score-2901948-[0-9a-f]{32}", now)
        assert before == now.replace("2901948", "2901947")

    def test_the_same_request_as_of_one_moment_is_one_score_whenever_it_comes(self) -> None:
        assert self.keys() == self.keys(scored_at="2025-04-05T10:04:00+00:00")
        assert len(self.keys()) == 1

    def test_other_content_lead_or_moment_is_another(self) -> None:
        other = (
            self.keys(),
            self.keys(lead=LEAD | {"staff": 251}),
            self.keys(lead_id="L2"),
            self.keys(as_of="2025-03-02T23:00:00.000001Z"),
        )
        assert len(set(other)) == 4

    def test_another_version_is_another(self) -> None:
        assert told(version="4").keys != self.keys()

    def test_the_order_of_fields_is_not_content(self) -> None:
        assert self.keys(lead=dict(reversed(LEAD.items()))) == self.keys()

    @pytest.mark.parametrize(
        ("first", "again", "same"),
        [
            # Windows of ten minutes begin at 10:00, 10:10 and 10:20; a repeat looks one back.
            ("10:00:00", "10:00:00", True),
            ("10:09:59", "10:10:00", True),
            ("10:09:59", "10:19:59", True),
            ("10:00:00", "10:19:59", True),
            ("10:09:59", "10:20:00", False),
            ("10:10:00", "10:20:00", True),
        ],
    )
    def test_as_of_now_a_repeat_is_the_same_for_ten_to_twenty_minutes(
        self, first: str, again: str, same: bool
    ) -> None:
        def keys(clock: str) -> Any:
            now = f"2025-03-05T{clock}"
            return self.keys(as_of=f"{now}.5Z", scored_at=f"{now}+00:00")

        assert (keys(first)[0] in keys(again)) is same


def test_a_score_in_the_shadow_is_marked_and_another_than_the_one_given() -> None:
    given, made = told(), told(ANSWER | {"shadow": True})
    assert json.loads(made.detail)["shadow"] is True
    assert SHADOW_TEXT in made.detail
    assert "shadow" not in given.detail
    assert set(made.keys).isdisjoint(given.keys)
