"""Scores as events: what is told of them, and what makes two of them the same."""

from dataclasses import replace
from typing import Any

import pytest

from leadml.domain.agreement import Agreement
from leadml.domain.definition import Definition
from leadml.domain.event import iso
from leadml.domain.mapping import LeadMapping
from leadml.workflows.scored_event import Telling

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


def told(
    answer: dict[str, Any] = ANSWER,
    lead: dict[str, object] = LEAD,
    version: str = "3",
    mapping: LeadMapping = MAPPING,
) -> Any:
    definition = Definition(leads=mapping, agreement=Agreement(version="spring"))
    return Telling(definition, version).event(answer, lead, [lead, None, None])


def test_an_answer_is_told_with_what_is_known_of_the_lead() -> None:
    event = told().event
    assert (event.event, event.lead, event.account, event.owner) == ("scored", "L1", "Acme", "7")
    assert iso(event.happened_at) == "2025-03-05T10:04:00+00:00"
    assert event.model_version == "3"
    assert event.agreement_hash == Agreement(version="spring").hash()
    assert event.detail == {
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
    event = told(lead=LEAD | lead).event
    assert (event.account, event.owner) == (None, None)
    assert "attributes" not in event.detail
    assert told(lead=LEAD | {"company": ["Acme"], "rep": "x" * 200}).event.owner == "x" * 200


@pytest.mark.parametrize(
    ("answer", "mapping"),
    [
        ({"probability": None}, {}),
        ({"lead_id": "x" * 201}, {}),
        ({}, {"id": None}),  # an id made of what the lead holds does not last
        ({"reasons": [{"value": "x" * 40_000}]}, {}),
    ],
)
def test_what_the_ledger_cannot_keep(answer: dict[str, Any], mapping: dict[str, Any]) -> None:
    assert told(ANSWER | answer, mapping=replace(MAPPING, **mapping)) is None


class TestSameScore:
    def keys(self, lead: dict[str, object] = LEAD, **answer: Any) -> Any:
        return told(ANSWER | answer, lead).keys

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
