"""The report's page says what report.json says: all of it that a person needs, and nothing else."""

import copy
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest
from markupsafe import Markup

from leadml.pages.report_page import TITLES, report_page

VOID = {"meta", "br"}
DRAWN = {"svg", "style", "title"}
"""Drawings repeat tables (a scale's end is part of a drawing); a style sheet is no text."""

REPEATED = (
    r"/over_time/path/\d+/\w+",  # the line that is drawn; a table has the last of every month
    r"/sequence/path/\d+/\w+",  # the same path; the first table has its last point
    r"/sequence/(rate|confidence|handed_off|matured|followed_up|follow_up_share|won)",  # at the top
    r"/sequence/won_after_late_follow_up",
    r"/sequence/more_needed",  # said as leads to mature, however many of them are worked
    r"/sequence/recorded_only/\w+",  # the verdict’s rate, where no win lacks a follow-up
    r"/close_rate/\w+/\w+",  # the sequence’s value, and its bounds for one look: fixed
    r"/(explored|before_agreement)/(handed_off|matured|follow_up_share)",  # under the verdict
    r"/(explored|before_agreement)/close_rate/handed_off/\w+",
    r"/funnel/time_to_first_follow_up/followed_up",  # the same as of_followed_up.leads
    r"/reliability/(p_level|p_slope)",  # said in the finding
    r"/rejections/by_source/\d+/(p|reasons/\d+/share)",  # bold type says it; counts are shown
    r"/targets/\d+/(elapsed|due)",  # told once, of the present month
    r"/by/\w+/\d+/won_after_late_follow_up",  # told once, of all
    r"/agreement/\w+",  # said in the agreement’s text
)
"""Numbers of report.json that need no place of their own on the page, and what says them.

Beside these only a 0 may be left out: *none* is said in words, or not at all.
"""


class Page(HTMLParser):
    """Every mark of a page with what it shows, the text outside of marks, and the tags."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[tuple[str, dict[str, str | None]]] = []
        self.marks: list[tuple[str, str]] = []
        self.loose = ""
        self.words = ""
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if "data-json" in dict(attrs):
            self.marks.append((dict(attrs)["data-json"] or "", ""))
        if tag not in VOID:
            self.open.append((tag, dict(attrs)))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop()[0] == tag

    def handle_data(self, text: str) -> None:
        if any(tag in DRAWN or attrs.get("class") == "scale" for tag, attrs in self.open):
            return
        self.words += text
        if any("data-json" in attrs for _, attrs in self.open):
            self.marks[-1] = (self.marks[-1][0], self.marks[-1][1] + text)
        else:
            self.loose += text


@pytest.fixture(scope="module")
def drawn(values: dict[str, Any]) -> str:
    return report_page(values)


@pytest.fixture(scope="module")
def page(drawn: str) -> Page:
    return Page(drawn)


def at(values: Any, pointer: str) -> Any:
    for step in pointer.split("/")[1:]:
        step = step.replace("~1", "/").replace("~0", "~")
        values = values[int(step)] if isinstance(values, list) else values[step]
    return values


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, f"{path}/{key}")
    elif isinstance(value, list):
        for n, inner in enumerate(value):
            yield from leaves(inner, f"{path}/{n}")
    else:
        yield path, value


def plain(text: str) -> str:
    return re.sub(r"\s+", " ", text.translate({0x202F: " ", 0x2212: "-", 0x2011: "-"})).strip()


def read(shown: str) -> tuple[float, float]:
    """Return the number that a text shows, in the JSON's unit, and half its last digit."""
    text = plain(shown).replace(",", "")
    found = re.fullmatch(r"([+-]?\d+(?:\.(\d+))?)(?: (%|minutes?|hours|days?|years?))?", text)
    assert found, shown
    size = {"%": 0.01, "minutes": 1 / 60, "minute": 1 / 60}.get(found[3] or "", 1.0)
    return float(found[1]) * size, 0.5 * size * 10.0 ** -len(found[2] or "")


def says(shown: str, value: float, path: str) -> bool:
    if plain(shown) in {"below 0.1 %", "above 99.9 %"}:
        return value < 0.0005 if "below" in shown else value > 0.9995
    number, half = read(shown)
    if path.endswith("_hours") and "days" in shown:
        number, half = 24 * number, 24 * half
    if "/difference/" in path and path.startswith(("/equal_volume", "/reliability")):
        number, half = number / 100, half / 100  # percentage points
    return abs(number - value) <= half * 1.0001 + 1e-12


def test_every_mark_shows_what_the_json_says_there(values: dict[str, Any], page: Page) -> None:
    assert len(page.marks) > 30
    for path, shown in page.marks:
        value = at(values, path)
        if isinstance(value, str):
            moment = re.fullmatch(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d).*", value)
            expected = {plain(value), plain(value).replace("`", ""), value.replace("_", " ")}
            if moment:
                expected |= (
                    {moment[1]} if moment[2] == "00:00" else {f"{moment[1]} {moment[2]} UTC"}
                )
            assert plain(shown) in expected, path
        else:
            assert says(shown, value, path), (path, shown, value)


def test_no_number_of_the_page_stands_outside_of_a_mark(page: Page) -> None:
    assert re.findall(r"\d", page.loose) == []


def test_what_a_drawing_shows_is_not_read_twice(page: Page) -> None:
    assert all(
        attrs.get("aria-hidden") == "true"
        for tag, attrs in page.tags
        if tag == "svg" and attrs.get("class") == "strip"
    )


def test_every_number_of_the_json_is_on_the_page_or_said_otherwise(
    values: dict[str, Any], page: Page
) -> None:
    marked = {path for path, _ in page.marks}
    numbers = {
        path
        for path, value in leaves(values)
        if isinstance(value, (int, float)) and not isinstance(value, bool)
    }
    missing = sorted(
        path
        for path in numbers - marked
        if at(values, path) != 0 and not any(re.fullmatch(pattern, path) for pattern in REPEATED)
    )
    assert missing == []


def test_every_sentence_of_the_json_is_on_the_page(values: dict[str, Any], page: Page) -> None:
    text = plain(page.words)
    sentences = [values["verdict_text"], *values["headline"], *values["method"]]
    sentences += [*values["uncertain"], *values["agreement_text"], values["slices_told"]]
    sentences += [*values["rejections"]["to_marketing"]]
    compared = values["equal_volume"]["model"] is not None
    sentences += values["equal_volume"]["told"] if compared else []
    sentences += [note["message"] for note in values["notes"]]
    sentences += [row["reason"] for row in values["excluded_rows"]]
    sentences += [row["cited"] for row in values["baselines"]]
    assert len(sentences) > 5
    for sentence in sentences:
        assert plain(sentence) in text


HEADINGS = {
    "leads": r"/(leads|units|matured|followed_up)$",
    "companies": r"/(units|matured|followed_up)$",
    "handed off": r"/(handed_off|matured|volume)$",
    "would have handed off": r"/would_have/handed_off$",
    "followed up": r"/(followed_up|follow_up_share)$",
    "won": r"/won$",
    "won of them": r"/would_have/won$",
    "wins missed": r"/missed_wins$",
    "rate": r"/(value)$",
    "running rate": r"/over_time/path/\d+/value$",
    "bounds": r"/(low|high)$",
    "close rate": r"/(value|close_rate/value|close_rate/followed_up/(value|low|high))$",
    "close rate, all": r"/close_rate/handed_off/(value|low|high)$",
    "share won": r"/observed/(value|low|high)$",
    "shrunken": r"/shrunken/(value|low|high)$",
    "of the stage before": r"/(share_of_previous|skipped)$",
    "of all leads": r"/share_of_leads$",
    "so far": r"/so_far$",
    "rejected": r"/(rejected|of)$",
    "share": r"/by_source/\d+/share$",
    "reported": r"/baselines/\d+/share$",
    "here": r"/ours$",
    "target": r"/(target|share)$",
    "in half of companies within": r"/median_years$",
    "after 1 year": r"/decided/1$",
    "after 2 years": r"/decided/2$",
    "after 3 years": r"/decided/3$",
    "hand-offs": r"/targets/\d+/(actual|why_null)$",
    "margin": r"/targets/\d+/(actual|why_null)$",
    "wins": r"/targets/\d+/(actual|why_null)$",
}
"""Heading of a cell on a phone -> what of report.json may stand there."""
ROWS = {
    "the model": "/equal_volume/model/",
    "the points": "/equal_volume/points/",
    "The last twelve months": "/sequence/last_12_months/",
    "If every unworked lead were lost": "/sequence/if_unworked_were_lost/",
    "The verdict’s rate": "/sequence/",
}
"""First cell of a row -> where its rate stands."""
TILES = {
    "handed off": "/handed_off",
    "matured": "/matured",
    "followed up in time": "/followed_up",
    "of them won": "/won",
    "follow-up share": "/follow_up_share",
    "won, followed up late": "/won_after_late_follow_up",
}


def test_numbers_stand_under_their_headings(drawn: str) -> None:
    cells = re.findall(r'<td[^>]* data-label="([^"]+)">(.*?)</td>', drawn, re.DOTALL)
    for label, cell in cells:
        for path in re.findall(r'data-json="([^"]+)"', cell):
            assert re.search(HEADINGS[label], path), (label, path)
    for row in re.findall(r"<tr.*?</tr>", drawn, re.DOTALL):
        name = (re.findall(r'<th scope="row">([^<]+)', row) or [""])[0]
        rates = re.findall(r'data-json="([^"]+/(?:value|low|high))"', row)
        assert all(path.startswith(ROWS.get(name, "")) for path in rates), name
    tiles = re.findall(r"<dt>([^<]+)</dt><dd>.*?data-json=\"([^\"]+)\"", drawn)
    assert {(label, path) for label, path in tiles if label in TILES} <= set(TILES.items())
    assert len(tiles) >= 5


def test_a_cell_has_the_same_heading_on_a_phone_and_on_a_screen(drawn: str) -> None:
    for table in re.findall(r'<table class="cards.*?</table>', drawn, re.DOTALL):
        head = [plain(re.sub(r"<[^>]+>", " ", one)) for one in re.findall(r"<th.*?</th>", table)]
        first = re.findall(r"<tbody>.*?</tr>", table, re.DOTALL)[0]
        for label in re.findall(r'data-label="([^"]+)"', first):
            known = any(words_of(label) & words_of(name) for name in head)
            assert known, (label, head)


def words_of(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower())) - {"of", "the", "in"}


def test_what_is_not_known_is_said_in_words(poor: dict[str, Any]) -> None:
    text = plain(Page(report_page(poor)).words)
    for sentence in (
        "The neglected share is not known: no times.",
        "How long the first follow-up took is not known",
        "not known: no such column",
        "There is no line to draw yet: no lead has matured.",
        "Not told apart by source, owner, segment, band, account size or month of hand-off:",
        "Nothing has matured yet, so there is no close rate to hold against the agreed 30 %",
        "Not compared: no points are recorded.",
        "Not known: no served probability is recorded.",
        "Not known of the 3 hand-offs: rejected_at is not mapped.",
        "No cut is recommended: none has matured.",
        "None are set: [targets] in the configuration",
        "Not foreseeable: no unit has entered yet.",
        "No rate is projected for them: fewer than 20 entered.",
        "Nothing was left out.",
    ):
        assert sentence in text


def test_an_empty_report_says_that_there_is_no_hand_off(poor: dict[str, Any]) -> None:
    maturing = poor["sequence"]["maturing"] | {"handed_off": 0}
    empty = poor | {"handed_off": 0, "sequence": poor["sequence"] | {"maturing": maturing}}
    text = plain(Page(report_page(empty)).words)
    assert "No lead has been handed off, so there is nothing to tell apart." in text
    assert "None: every hand-off has reached its horizon." in text


def test_names_are_text_whatever_they_hold(rich: dict[str, Any]) -> None:
    names = ["<script>alert(1)</script>", "$x^2$ {{ 7*7 }}", "a" * 300, "微信🎉", '`c` & "q"']
    for row, name in zip(rich["by"]["owner"], names, strict=False):
        row["owner"] = name
    places = {"source": names[0], "version": names[4], "signed_by": names[1], "reason": names[2]}
    rich["by"]["source"][0]["source"] = rich["data"]["source"] = places["source"]
    rich["agreement"] |= {"version": places["version"], "signed_by": [places["signed_by"]]}
    rich["rejections"]["reasons"][0]["reason"] = places["reason"]
    drawn = report_page(rich)
    page = Page(drawn)
    assert "<script" not in drawn
    assert "<b>fair</b>" not in drawn
    for name, least in zip(names, (3, 2, 2, 1, 4), strict=True):
        shown = [text for path, text in page.marks if at(rich, path) == name]
        assert len(shown) >= least
        assert set(shown) == {name}


def test_names_keep_their_own_direction(values: dict[str, Any], drawn: str) -> None:
    there = len(values["by"]["owner"]) > 7 and values["by"]["owner"][7]["owner"] == "שרה כהן"
    assert ('<bdi class="name" data-json="/by/owner/7/owner">שרה כהן</bdi>' in drawn) == there


def test_one_owner_and_two_hundred(rich: dict[str, Any], large: dict[str, Any]) -> None:
    one = rich | {"by": rich["by"] | {"owner": rich["by"]["owner"][:1]}}
    assert "/by/owner/0/won" in {path for path, _ in Page(report_page(one)).marks}
    page = Page(report_page(large))
    assert {f"/by/owner/{n}/won" for n in range(200)} <= {path for path, _ in page.marks}
    assert "All others" in page.words


def test_the_same_values_give_the_same_bytes(rich: dict[str, Any]) -> None:
    assert report_page(rich) == report_page(copy.deepcopy(rich))


def test_the_page_loads_nothing_and_runs_nothing(page: Page) -> None:
    assert not {tag for tag, _ in page.tags} & {"script", "link", "img", "iframe", "object", "form"}
    for _, attrs in page.tags:
        assert not attrs.keys() & {"src", "srcset", "onload", "onclick", "action"}
        target = attrs.get("href") or attrs.get("xlink:href") or "#"
        assert target.startswith("#")


def test_links_within_the_page_lead_somewhere_and_ids_are_unique(page: Page) -> None:
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    links = {str(attrs["href"])[1:] for tag, attrs in page.tags if tag == "a"}
    assert links == {"content", *TITLES}
    named = {attrs["aria-labelledby"] for tag, attrs in page.tags if tag == "section"}
    assert links | named <= {*ids}


def test_headings_step_down_one_by_one_and_tables_name_their_cells(page: Page) -> None:
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    heads = [attrs for tag, attrs in page.tags if tag == "th"]
    assert len(heads) > 10
    assert all(attrs.get("scope") in {"col", "row"} for attrs in heads)
    assert {"main", "nav", "footer"} <= {tag for tag, _ in page.tags}


def test_rows_of_a_table_are_as_wide_as_its_head(drawn: str) -> None:
    for table in re.findall(r"<table.*?</table>", drawn, re.DOTALL):
        rows = re.findall(r"<tr.*?</tr>", table, re.DOTALL)
        widths = [
            sum(
                int((re.search(r'colspan="(\d+)"', cell) or ["", "1"])[1])
                for cell in re.findall(r"<t[hd][ >][^>]*>?", row)
            )
            for row in rows
        ]
        assert len(set(widths)) == 1, table[:200]


def test_a_served_page_has_the_bar_of_links_above_the_content(poor: dict[str, Any]) -> None:
    drawn = report_page(poor, Markup("<nav aria-label='Pages'>bar</nav>"))
    assert drawn.index("bar</nav></header>") < drawn.index("<main")
    assert '<header class="site">' not in report_page(poor)


def test_a_window_is_described_and_never_judged(
    values: dict[str, Any], drawn: str, page: Page
) -> None:
    text = plain(page.words)
    window = "Only hand-offs from 2026-01-01 until 2026-04-01 are shown" in text
    assert window == (values["window"] is not None)
    assert ("Leads still maturing" in text) != window
    assert "valid for one look" in text or not values["matured"]
    assert "valid at every look" not in text if window else "What would settle it" in text


def test_the_verdict_colours_the_head_and_what_would_settle_it_is_said(
    values: dict[str, Any], drawn: str, page: Page
) -> None:
    verdict, text = values["verdict"], plain(page.words)
    assert f'<header class="told {verdict or "open"}">' in drawn
    settled = "Nothing more is needed: the verdict holds however often one looks."
    said = {
        "not_judgeable": "First sales has to work at least 80 % of the hand-offs in time",
        "meets": settled,
        "falls_short": settled,
        "undecided": "Not foreseeable: ",
        None: "-",
    }
    if values["sequence"] and values["sequence"]["more_needed_matured"]:
        said["undecided"] = "at the present rate."
    assert {sentence for sentence in said.values() if f" {sentence}" in text} - {"-"} == {
        said[verdict]
    } - {"-"}


def test_how_many_more_would_decide_is_said(poor: dict[str, Any]) -> None:
    sequence = poor["sequence"] | {"more_needed_matured": 1120, "more_needed_why": None}
    text = plain(Page(report_page(poor | {"sequence": sequence})).words)
    assert "About 1,120 more matured leads at the present rate." in text


def test_companies_are_counted_as_companies(values: dict[str, Any], page: Page) -> None:
    unit = values["sequence"]["unit"] if values["sequence"] else None
    assert ("companies entering a year" in plain(page.words)) == (unit == "account")


def test_a_stage_of_the_funnel_is_drawn_as_long_as_it_is_large(rich: dict[str, Any]) -> None:
    funnel = report_page(rich).split('id="funnel"')[1].split("</table>")[0]
    # 2,400 leads are all of the cell; 1,300 of them 54.17 %, 214 of them 8.92 %
    drawn = re.findall(r'class="bar" x="0" y="3" width="([\d.]+)%"', funnel)
    assert (drawn[0], drawn[1], drawn[-1]) == ("100.00", "54.17", "8.92")


def test_notes_are_shown_with_their_counts_and_an_unchecked_margin_is_said(
    poor: dict[str, Any],
) -> None:
    note = {"code": "TIME011", "message": "leads still open count as not won", "count": 7}
    text = plain(Page(report_page(poor | {"notes": [note]})).words)
    assert "leads still open count as not won (7)" in text
    assert "Margin not checked" in text
    assert "Margin not checked" not in Page(report_page(poor | {"margin_checked": True})).words
