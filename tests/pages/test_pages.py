import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest

from leadml.pages.evaluation_page import evaluation_page
from leadml.pages.html import (
    count,
    decimal,
    odds,
    percent,
    points,
    points_of_percent,
    share,
    signed,
    signed_whole,
    whole,
)
from leadml.pages.scorecard_page import scorecard_page
from leadml.pages.training_page import training_page

VOID = {"meta", "br"}


class Page(HTMLParser):
    """Collects text, numbers and what is loaded; refuses tags that do not close."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.numbers: list[tuple[str, str]] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.header = ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "data":
            self.numbers.append((dict(attrs)["value"] or "", ""))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, text: str) -> None:
        if "style" in self.open:
            return
        if self.open and self.open[-1] == "data":
            self.numbers[-1] = (self.numbers[-1][0], text)
        self.words += text
        if "header" in self.open:
            self.header += f" {text}"


def numbers_in(value: Any) -> Iterator[float]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from numbers_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from numbers_in(inner)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield float(value)


def plain(text: str) -> str:
    return re.sub(r"\s+", " ", text.replace("\u2011", "-").replace("\u202f", " "))


def words(page: Page) -> str:
    return plain(page.words)


DRAWN = {
    "evaluation": evaluation_page,
    "evaluation_without_points": evaluation_page,
    "training_values": training_page,
    "scorecard_values": scorecard_page,
}


@pytest.fixture(params=list(DRAWN))
def page_and_values(request: pytest.FixtureRequest) -> tuple[Page, dict[str, Any]]:
    values = request.getfixturevalue(request.param)
    return Page(DRAWN[request.param](values)), values


def test_every_number_of_the_page_is_a_number_of_the_json(
    page_and_values: tuple[Page, dict[str, Any]],
) -> None:
    page, values = page_and_values
    known = set(numbers_in(values))
    assert len(page.numbers) > 40
    for value, shown in page.numbers:
        number = float(value)
        assert number in known
        ways = (percent, share, count, decimal, signed, points_of_percent, whole, signed_whole)
        rounded = {f"{number:.{places}f}" for places in (1, 2, 3)} | {points(number), odds(number)}
        assert shown in {way(number) for way in ways} | rounded, (value, shown)


def test_every_number_of_the_headline_is_a_number_of_the_json(
    page_and_values: tuple[Page, dict[str, Any]],
) -> None:
    page, values = page_and_values
    shown = set()
    for number in numbers_in(values):
        shown |= {percent(number), share(number), count(number), f"{number:.3f}", decimal(number)}
        shown |= {f"{number:.0f}", points(number).lstrip("+−")}
    shown = {one.replace("\u202f", " ") for one in shown}
    found = re.findall(r"\d[\d.,]*\d(?: %)?|\d(?: %)?", plain(page.header))
    assert len(found) >= 4
    named = values.get("model") or values.get("agreement") or values
    versions = {named["version"], values.get("version")}
    assert set(found) - shown <= versions


def test_the_page_loads_nothing_and_runs_nothing(
    page_and_values: tuple[Page, dict[str, Any]],
) -> None:
    page, _ = page_and_values
    tags = {tag for tag, _ in page.tags}
    assert not tags & {"script", "link", "img", "iframe", "object", "base", "form"}
    for _, attributes in page.tags:
        assert not attributes.keys() & {"src", "srcset", "onload", "onclick", "action"}
        reference = attributes.get("href") or attributes.get("xlink:href") or "#"
        assert reference.startswith("#")


def test_ids_are_unique_and_the_page_has_one_heading_a_language_and_a_viewport(
    page_and_values: tuple[Page, dict[str, Any]],
) -> None:
    page, _ = page_and_values
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    tags = [tag for tag, _ in page.tags]
    assert tags.count("h1") == 1
    assert ("html", {"lang": "en"}) in page.tags
    assert any(attributes.get("name") == "viewport" for _, attributes in page.tags)


def test_margin_not_checked_is_said(
    evaluation: dict[str, Any],
    evaluation_without_points: dict[str, Any],
) -> None:
    assert "Margin not checked" in words(Page(evaluation_page(evaluation_without_points)))
    assert "Margin not checked" not in words(Page(evaluation_page(evaluation)))
    unmapped = evaluation | {"margin_checked": False}
    assert "Margin not checked" in words(Page(evaluation_page(unmapped)))


def test_everything_in_the_charts_is_also_in_tables(evaluation: dict[str, Any]) -> None:
    without = re.sub(r"<svg.*?</svg>", "", evaluation_page(evaluation), flags=re.DOTALL)
    shown = {value for value, _ in Page(without).numbers}
    for part in evaluation["reliability"]["model"]["bins"] + evaluation["by_band"]:
        assert {str(part["leads"]), str(part["close_rate"]["low"])} <= shown


def test_what_was_left_out_is_listed(evaluation: dict[str, Any]) -> None:
    text = words(Page(evaluation_page(evaluation)))
    assert "learnt from when the model was trained ROW009" in text
    assert "Nothing was left out" in words(
        Page(evaluation_page(evaluation | {"excluded_rows": []}))
    )


def test_absent_points_are_explained(evaluation_without_points: dict[str, Any]) -> None:
    text = words(Page(evaluation_page(evaluation_without_points)))
    assert "There is nothing to compare the model with: there is no points score." in text
    assert "No such diagram for the points: there is no points score." in text


def test_a_changed_agreement_is_said(evaluation: dict[str, Any]) -> None:
    said = "The agreement has changed since this model was trained."
    assert said in words(Page(evaluation_page(evaluation | {"agreement_changed": True})))
    assert said not in words(Page(evaluation_page(evaluation)))


@pytest.mark.parametrize("name", ["evaluation", "evaluation_without_points", "training_values"])
def test_tables_that_stay_tables_on_a_phone_are_narrow(
    name: str, request: pytest.FixtureRequest
) -> None:
    # 360 pixels hold four columns with bounds under their rate; wider tables become cards.
    values = request.getfixturevalue(name)
    drawn = DRAWN[name](values)
    tables = re.findall(r"<table>.*?</thead>", drawn, re.DOTALL)
    assert len(tables) >= 2
    assert max(table.count("<th ") for table in tables) <= 4


def test_no_win_at_all_still_makes_a_page(evaluation: dict[str, Any]) -> None:
    none = evaluation | {"gains": {"model": [], "points": []}}
    assert "None of these leads was won." in words(Page(evaluation_page(none)))


@pytest.mark.parametrize(
    ("basis", "sentence"),
    [
        ("guaranteed", "keeps the agreed close rate of 30 %"),
        ("estimated", "should reach the agreed close rate of 30 %, which is not proven yet"),
        ("points", "the agreed points decide"),
        ("none", "No group of leads reached the agreed close rate of 30 %: none is handed off"),
    ],
)
def test_a_training_page_says_what_a_hand_off_promises(
    training_values: dict[str, Any], basis: str, sentence: str
) -> None:
    cut = training_values["threshold"] | {"basis": basis}
    if basis in ("points", "none"):
        cut |= dict.fromkeys(("probability", "expected_close_rate", "low", "high"))
    page = Page(training_page(training_values | {"threshold": cut}))
    assert sentence in plain(page.header)
    assert ("Of the 300 leads it would have handed off" in plain(page.header)) == (
        basis in ("guaranteed", "estimated")
    )


def test_a_training_page_says_what_handing_off_brings(training_values: dict[str, Any]) -> None:
    text = words(Page(training_page(training_values)))
    assert "What handing off brings" in text
    # hand-offs, close rate with bounds, wins, margin with bounds, recall, weakest, rate of all
    assert "41.331.3 %" in text
    assert "Leads of at least 21.5 % <are> handed off." in text
    assert "something (it was <not> recorded)" in text
    assert "Ann <A>33.3 %" in text


def test_a_training_page_of_a_cut_without_dates_has_no_month(
    training_values: dict[str, Any],
) -> None:
    cut = training_values["threshold"] | {"handoffs_a_month": None, "reps": [], "why": {}}
    text = words(Page(training_page(training_values | {"threshold": cut})))
    assert "hand-offsa month" not in text
    assert "It rests on 500 leads." in text


def test_a_training_page_says_where_a_policy_falls_short(training_values: dict[str, Any]) -> None:
    cut = training_values["threshold"] | {"policy": "capacity", "more_outcomes": None}
    page = Page(training_page(training_values | {"threshold": cut}))
    assert "would have closed 31.3 %, less than the agreed 30 %" in plain(page.header)
    enough = cut | {"more_outcomes": 100}
    page = Page(training_page(training_values | {"threshold": enough}))
    assert "should reach the agreed close rate" in plain(page.header)


def test_a_training_page_says_what_the_data_cannot_tell(training_values: dict[str, Any]) -> None:
    text = words(Page(training_page(training_values)))
    assert "What the data cannot tell you" in text
    assert "Reasons say <which>, not why. What would tell: an experiment." in text
    assert "durationtells too much LEAK001" in text
    assert "no correction of it won the backtest" in text
    assert "halves every 180 days" in text


def test_a_training_page_tells_what_the_model_looks_at(training_values: dict[str, Any]) -> None:
    text = words(Page(training_page(training_values)))
    assert "What the model looks at" in text
    assert "<visits>: times in 7 days more speaks for a win" in text
    assert "= 03004515.0 %× 0.82" in text  # leads, won, share won, exp(-.2)
    assert "The score is the sum of what each feature adds" in text
    assert "Among all, full would have been chosen: the log loss is +0.0100 against its" in text
    looks = training_values["looks_at"] | {"kind": "if_missing"}
    looks["features"][0]["ranges"][0]["effect"] = None  # trees: none of the sample lies there
    other = words(Page(training_page(training_values | {"looks_at": looks})))
    assert "= 03004515.0 %–" in other
    assert "their parts need not sum" in other


class TestScorecard:
    def test_features_that_give_no_points_are_named_alone(
        self, scorecard_values: dict[str, Any]
    ) -> None:
        text = words(Page(scorecard_page(scorecard_values)))
        assert "Never half a point either way: hour created." in text
        assert "<visits>pointsclosedof leads" in text

    def test_a_piece_with_two_ends(self, scorecard_values: dict[str, Any]) -> None:
        text = words(Page(scorecard_page(scorecard_values)))
        assert "1 to 4+1 to +941.2 %80" in text

    def test_its_headline(self, scorecard_values: dict[str, Any]) -> None:
        told = plain(Page(scorecard_page(scorecard_values)).header)
        assert "Hand off from −25 points." in told
        assert "a probability of 29.9 % (estimated) of a sales-ready outcome within 90 days" in told
        assert "Of the 200 leads learnt from 44 closed." in told
        without = scorecard_values | {"cut": None, "leads": None, "won": None, "time": None}
        told = plain(Page(scorecard_page(without)).header)
        assert "What a lead is worth, in points that add up." in told
