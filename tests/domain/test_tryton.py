from typing import Any

import pytest

from leadml.domain.tryton import TrytonConnection

GOOD: dict[str, Any] = {
    "url": "https://tryton.example.com/sub",
    "database": "crm",
    "user": "leadml",
    "columns": {"lead_id": "number", "at": "@opportunity, converted", "who": "party.lang.code"},
}


def test_what_is_usual_needs_no_word() -> None:
    made = TrytonConnection(**GOOD)
    assert made.write == {"probability": "conversion_probability", "reasons": "comment"}
    assert made.states == ("lead", "opportunity")
    assert (made.requests_per_second, made.page, made.overlap_minutes) == (5.0, 100, 5.0)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8000", "http://localhost", "http://[::1]:8000", "https://10.0.0.7"]
)
def test_plain_http_is_for_this_machine(url: str) -> None:
    assert TrytonConnection(**GOOD | {"url": url}).url == url


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"url": "http://tryton.example.com"}, r"^url must begin with https://, found 'http:"),
        ({"url": "http://127.0.0.1.example.com"}, r"^url must begin with https://"),
        ({"url": "ftp://tryton.example.com"}, r"^url must be an address such as https://"),
        ({"url": "tryton.example.com"}, r"^url must be an address such as https://"),
        ({"url": "https://kim:secret@tryton.example.com"}, r"password comes from LEADML_TRYTON"),
        ({"url": "https://tryton.example.com?a=1"}, r"^url must be the address alone"),
        ({"database": "a/b"}, r"^database must be the name of a database, found 'a/b'"),
        ({"database": ""}, r"^database must be"),
        ({"user": " "}, r"^user must be the name of a user"),
        ({"columns": {}}, r"^columns must be a table of column = field with at least one line"),
        ({"states": ()}, r"^states must be a list of states"),
        ({"requests_per_second": 0.0}, r"^requests_per_second must be above 0, up to 1000"),
        ({"requests_per_second": 1001.0}, r"^requests_per_second must be above 0"),
        ({"page": 0}, r"^page must be 1 to 1000 leads, found 0"),
        ({"page": 1001}, r"^page must be 1 to 1000 leads"),
        ({"overlap_minutes": -1.0}, r"^overlap_minutes must be 0 to 1440 minutes"),
        ({"write": {"score": "comment"}}, r"^write: score is nothing leadml can write; known: pro"),
        ({"write": {"reasons": "party.name"}}, r"reasons must name a field .* 'party\.name'"),
        ({"write": {"reasons": ""}}, r"^write: reasons must name a field"),
        ({"write": {"band": "comment"}}, r'^write: give the reasons a text field, such as reasons'),
        ({"write": {"reasons": "a", "band": "a"}}, r"^write: each field can be given one thing"),
        ({"columns": {"x": "Party"}}, r"^columns: x must name a field such as party\.name"),
        ({"columns": {"x": "@"}}, r"^columns: x must name a field .* states such as @opportunity"),
        ({"columns": {"x": "comment"}}, r"^columns: x reads comment, which changes when leadml"),
        ({"columns": {"x": "write_date"}}, r"^columns: x reads write_date, which changes"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(changed: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words) as refused:
        TrytonConnection(**GOOD | changed)
    assert "secret" not in str(refused.value)


def test_limits_are_inside() -> None:
    for changed in ({"page": 1}, {"page": 1000}, {"overlap_minutes": 0.0}):
        TrytonConnection(**GOOD | changed)
