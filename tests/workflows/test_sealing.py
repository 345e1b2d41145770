"""What a training run leaves beside its bundle."""

import json
import re
from typing import Any

import pytest

from leadml.pages.training_page import training_page
from leadml.workflows.score import Scorer


@pytest.fixture(scope="module")
def values(company: Any) -> dict[str, Any]:
    text = (company.training.bundle / "training.json").read_text("utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def test_the_page_and_its_numbers_lie_beside_the_bundle(
    company: Any, values: dict[str, Any]
) -> None:
    training = company.training
    assert training.page == training.bundle / "training.html"
    assert training.page.read_text("utf-8") == training_page(values)
    assert values | training.to_dict() == values
    assert values["close_rate"] == training.won / training.leads
    assert Scorer.load(training.bundle).version == training.version  # the seals still hold


def test_the_limits_are_in_the_result_in_the_manifest_and_on_the_page(
    company: Any, values: dict[str, Any]
) -> None:
    limits = company.training.to_dict()["cannot_tell"]
    assert Scorer.load(company.training.bundle).manifest["cannot_tell"] == limits
    page = company.training.page.read_text("utf-8")
    assert page.count("What the data cannot tell you") == 1
    shown = re.sub(r"&#?\w+;", "", page)
    for limit in limits:
        assert re.sub(r"['\"<>&]", "", limit["text"])[:60] in shown
    assert "whether hand-offs keep the promise" in {limit["topic"] for limit in limits}


def test_the_facts_are_those_of_the_company(company: Any, values: dict[str, Any]) -> None:
    texts = {limit["topic"]: limit["text"] for limit in values["cannot_tell"]}
    leads = company.crm.leads
    never = int(leads["handed_off_at"].isna().sum())
    said = int(re.match(r"[\d,]+", texts["leads never handed off"])[0].replace(",", ""))  # type: ignore[index]
    assert 0 < said <= never  # those too young to be judged are not counted
    handed, worked = re.findall(r"[\d,]+(?= leads handed| \()", texts["neglected leads"])[:2]
    assert int(worked.replace(",", "")) / int(handed.replace(",", "")) == pytest.approx(
        0.15, abs=0.04
    )  # the simulated neglect
    assert values["as_of"][:10] in texts["the present"]
    assert values["data_window"]["to"][:10] in texts["the present"]


def test_what_the_outcomes_can_show_is_said_with_their_number(
    company: Any, values: dict[str, Any]
) -> None:
    texts = {limit["topic"]: limit["text"] for limit in values["cannot_tell"]}
    training = company.training
    assert texts["how sure this can be"].startswith(
        f"{training.won:,} of {training.leads:,} matured, followed-up hand-offs were sales-ready"
    )
