"""What HubSpot's workflows send, as a lead; and a score as flat fields."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from leadml.api.routes.hubspot_payload import PayloadError, lead_of, output_fields, reasons_text
from leadml.workflows.score import Scorer

COLUMNS = {"annual_budget": "budget", "createdate": "created_at"}


@pytest.fixture(scope="module")
def scorer(models_root: Path) -> Scorer:
    return Scorer.load(models_root / "models" / "versions" / "3")


@pytest.mark.parametrize(
    ("body", "lead"),
    [
        (
            {
                "callbackId": "ap-1",
                "origin": {"portalId": 1},
                "object": {"objectId": 904, "objectType": "CONTACT"},
                "inputFields": {"annual_budget": "5000", "source": "Ads", "unknown": "x"},
            },
            {"lead_id": "904", "budget": "5000", "source": "Ads"},
        ),
        (  # properties that the action asks for, and a field that a person chose
            {
                "object": {"objectId": 904, "properties": {"source": "Web", "budget": "1"}},
                "inputFields": {"source": "Ads"},
            },
            {"lead_id": "904", "source": "Ads", "budget": "1"},
        ),
        (
            {
                "objectId": 7,
                "properties": {
                    "source": {"value": "Ads", "versions": [{"value": "Web"}]},
                    "budget": 3,
                },
            },
            {"lead_id": "7", "source": "Ads", "budget": 3},
        ),
        ({"vid": 8, "properties": {}}, {"lead_id": "8"}),
        ({"hs_object_id": "9", "source": "Ads"}, {"lead_id": "9", "source": "Ads"}),
        (  # the export's own id outweighs HubSpot's
            {"objectId": 7, "properties": {"lead_id": {"value": "L-1"}}},
            {"lead_id": "L-1"},
        ),
        ({"objectId": 7, "properties": {"lead_id": ""}}, {"lead_id": "7"}),
        (  # 2026-03-02T09:30:00Z is 1,772,443,800 seconds after 1970
            {"objectId": 7, "properties": {"createdate": {"value": "1772443800000"}}},
            {"lead_id": "7", "created_at": "2026-03-02T09:30:00+00:00"},
        ),
        (  # 10^13 - 1 milliseconds are 115,740 days and 17:46:39.999
            {"objectId": 7, "properties": {"createdate": -9_999_999_999_999}},
            {"lead_id": "7", "created_at": "1653-02-10T06:13:20.001000+00:00"},
        ),
        (  # more digits are no time of anybody's
            {"objectId": 7, "properties": {"createdate": "-99999999999999"}},
            {"lead_id": "7", "created_at": "-99999999999999"},
        ),
        (
            {"objectId": 7, "properties": {"createdate": "2026-03-02", "budget": "1772443800000"}},
            {"lead_id": "7", "created_at": "2026-03-02", "budget": "1772443800000"},
        ),
    ],
)
def test_payloads_become_leads(scorer: Scorer, body: Any, lead: dict[str, Any]) -> None:
    assert lead_of(body, scorer, COLUMNS) == lead


def test_times_are_written_as_the_export_writes_them(scorer: Scorer) -> None:
    mapping = replace(scorer.definition.leads, date_format="%d.%m.%Y %H:%M")
    definition = replace(scorer.definition, leads=mapping)
    other = Scorer(replace(scorer.bundle, definition=definition))
    body = {"objectId": 7, "properties": {"created_at": 1772443800000}}
    # 09:30 UTC is 10:30 in Berlin in March.
    assert lead_of(body, other, {})["created_at"] == "02.03.2026 10:30"


@pytest.mark.parametrize("body", [None, [], "x", 1, {}, {"object": {}}, {"objectId": True}])
def test_what_names_no_object_is_refused(scorer: Scorer, body: Any) -> None:
    with pytest.raises(PayloadError, match=r"^expected "):
        lead_of(body, scorer, {})


def answer(**changed: Any) -> dict[str, Any]:
    return {
        "probability": 0.25,
        "points": 0,
        "band": "B",
        "stage": None,
        "hand_off": True,
        "sales_ready": False,
        "priority": 12,
        "expected_margin": None,
        "grade": None,
        "model_version": "3",
        "scored_at": "2026-03-02T09:30:00+00:00",
        "reasons": [{"direction": "up", "text": "a"}, {"direction": "down", "text": "b"}],
        **changed,
    }


def test_a_score_is_flat_texts_and_numbers_without_what_is_not_known() -> None:
    assert output_fields(answer(recorded=True), []) == {
        "leadml_probability": 0.25,
        "leadml_points": 0,
        "leadml_band": "B",
        "leadml_hand_off": "true",
        "leadml_sales_ready": "false",
        "leadml_priority": 12,
        "leadml_model_version": "3",
        "leadml_scored_at": "2026-03-02T09:30:00+00:00",
        "leadml_reasons": "+ a\n− b",
        "leadml_recorded": "true",
        "hs_execution_state": "SUCCESS",
    }


def test_what_cannot_be_scored_says_why_and_lets_the_workflow_go_on() -> None:
    assert output_fields({}, ["budget: wrong", "x: y"]) == {
        "leadml_recorded": "false",
        "leadml_error": "budget: wrong; x: y",
        "hs_execution_state": "FAIL_CONTINUE",
    }


def test_reasons_have_an_end() -> None:
    text = reasons_text([{"direction": "up", "text": "x" * 2_000}] * 2)
    assert (len(text), text[-1]) == (3_000, "…")
