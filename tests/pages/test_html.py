import json
from pathlib import Path

import pytest

from leadml.errors import DataError
from leadml.pages.html import (
    coded,
    count,
    days,
    decimal,
    hours,
    hundredths,
    likely,
    marked,
    moment,
    money,
    named,
    percent,
    share,
    signed,
    told,
    write_pages,
    years,
)
from leadml.pages.marks import traced


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (percent(0.30249), "30.2\u202f%"),
        (share(0.3), "30\u202f%"),
        (share(0.125), "12.5\u202f%"),
        (count(12345), "12,345"),
        (count(85.5), "85.5"),
        (money(12345.6), "12,346"),
        (money(-12345.4), "\u221212,345"),
        (decimal(0.76543), "0.7654"),
        (signed(0.01), "+0.0100"),
        (signed(-0.01), "\u22120.0100"),
        (days(1), "1 day"),
        (days(0.5), "0.5 days"),
        (days(90.0), "90 days"),
        (moment("2026-03-01T00:00:00.000000Z"), "2026-03-01"),
        (moment("2026-03-01T17:05:09.000000Z"), "2026-03-01 17:05 UTC"),
        (moment("2026-03-01"), "2026-03-01"),
        (moment(None), "the end of the export"),
        (hours(0.4), "24 minutes"),
        (hours(36.7), "36.7 hours"),
        (hours(93.5), "3.9 days"),
        (years(1), "1 year"),
        (years(3.0), "3 years"),
        (years(1.38), "1.4 years"),
        (hundredths(-0.651), "\u22120.65"),
        (likely(0.9973), "99.7\u202f%"),
        (likely(0.99996), "above 99.9\u202f%"),
        (likely(0.00001), "below 0.1\u202f%"),
        (likely(1.0), "above 99.9\u202f%"),
        (likely(0.0), "below 0.1\u202f%"),
    ],
)
def test_numbers_as_a_person_reads_them(shown: str, expected: str) -> None:
    assert shown == expected


def test_page_and_json_are_written_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    page, data = write_pages(folder, "report", {"won": 3, "name": "Söns"}, "<p>page</p>")
    assert sorted(path.name for path in folder.iterdir()) == ["report.html", "report.json"]
    assert page.read_text("utf-8") == "<p>page</p>"
    assert json.loads(data.read_text("utf-8")) == {"won": 3, "name": "Söns"}


def test_a_number_json_cannot_hold_leaves_the_old_files_alone(tmp_path: Path) -> None:
    write_pages(tmp_path, "report", {"won": 3}, "old")
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_pages(tmp_path, "report", {"won": float("nan")}, "new")
    assert (tmp_path / "report.html").read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 2


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("here")
    with pytest.raises(DataError, match=r"cannot be written to: .*; choose another --output"):
        write_pages(file / "inside", "report", {}, "")


def test_what_stands_between_backticks_is_code_and_the_rest_is_escaped() -> None:
    assert coded("`leadml drift` on <newer> leads, then `a<b`") == (
        "<code>leadml drift</code> on &lt;newer&gt; leads, then <code>a&lt;b</code>"
    )
    assert coded("one ` alone") == "one ` alone"


def test_what_is_written_says_where_it_stands_in_the_json() -> None:
    values = traced({"won": 1234, "name": "<b>", "said": "30 % of `x`"})
    assert marked(values["won"], "count") == '<data value="1234" data-json="/won">1,234</data>'
    assert marked(None, "count") == '<span class="none">–</span>'
    assert named(values["name"]) == '<bdi class="name" data-json="/name">&lt;b&gt;</bdi>'
    assert named("<" * 41) == (f'<bdi class="name" title="{"&lt;" * 41}">{"&lt;" * 41}</bdi>')
    assert named(None) == '<span class="none">not recorded</span>'
    assert told("close-rate", whole_words=True) == "<span>close\u2011rate</span>"
    # the sign of percent does not leave its number at the end of a line
    assert told(values["said"]) == ('<span data-json="/said">30\u202f% of <code>x</code></span>')
