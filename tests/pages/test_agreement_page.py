"""The agreement in words: every kind of rule, every term that changes the sentence."""

from dataclasses import replace

import pytest

from leadml.domain.agreement import Agreement
from leadml.domain.definition import Definition
from leadml.domain.points_table import PointsTable, Rule
from leadml.pages.agreement_page import agreement_page, promise, rule_words
from leadml.pages.site import Frame

FRAME = Frame("/agreement")


@pytest.mark.parametrize(
    ("agreement", "words"),
    [
        (
            Agreement(),
            "Of the leads that marketing hands off and sales follows up within 14 days, at least "
            "30\u202f% are won within 90 days.",
        ),
        (
            Agreement(min_margin=0.15, horizon_days=60),
            "Of the leads that marketing hands off and sales follows up within 14 days, at least "
            "30\u202f% are won within 60 days, at a margin of at least 15\u202f%.",
        ),
        (
            Agreement(counts="handed_off", unit="account", close_rate=0.25),
            "Of the accounts that marketing hands off, at least 25\u202f% are won within 90 days.",
        ),
    ],
)
def test_what_was_agreed_is_one_sentence(agreement: Agreement, words: str) -> None:
    assert promise(agreement.to_dict()) == words


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"column": "title", "equals": "head"}, "title is head"),
        ({"column": "title", "one_of": ("head", 3)}, "title is one of head, 3"),
        ({"column": "size", "at_least": 20_000.0}, "size is at least 20,000"),
        (
            {"column": "size", "at_least": 0.5, "at_most": 9.0},
            "size is at least 0.5 and is at most 9",
        ),
        ({"column": "size", "between": (1_000.0, 2_000.5)}, "size is from 1,000 to 2,000.5"),
        ({"column": "mail", "contains": "gmail"}, "mail contains “gmail”"),
        ({"column": "mail", "matches": ".*"}, "mail matches .*"),
        ({"column": "budget", "present": True}, "budget is filled in"),
        ({"column": "budget", "present": False}, "budget is empty"),
        ({"activity": "demo"}, "demo"),
        ({"activity": "view", "detail": "/prices*", "at_least": 3.0}, "at least 3 × view /prices*"),
        (
            {
                "activity": "open",
                "per": "each",
                "within_days": 30.0,
                "max_points": 24.0,
                "half_life_days": 1.0,
            },
            "each open within 30 days, at most 24 points, half as much every 1 day",
        ),
    ],
)
def test_every_kind_of_rule_has_words(rule: dict[str, object], words: str) -> None:
    assert rule_words(Rule(name="r", points=5, **rule)) == words  # type: ignore[arg-type]


class TestPage:
    def page(self, definition: Definition, champion_hash: str | None = None) -> str:
        return agreement_page(definition, FRAME, champion_hash=champion_hash)

    def test_whether_the_champion_was_trained_under_it(self) -> None:
        mine = Definition().agreement.hash()
        assert "trained under this very agreement" in self.page(Definition(), mine)
        assert "trained under another agreement" in self.page(Definition(), "0" * 64)
        assert "trained under" not in self.page(Definition())

    def test_terms_that_are_seldom_set_are_told_where_they_are(self) -> None:
        plain = self.page(Definition())
        for words in ("Nobody has signed it yet.", "no date given", "not checked"):
            assert words in plain
        assert "creation" not in plain
        agreement = Agreement(
            unit="account", grace_days=10, snapshot_days=2, signed_by=("A & B",), min_margin=0.1
        )
        page = self.page(replace(Definition(), agreement=agreement))
        for words in ("10 days more for it", "2 days after its creation", "A &amp; B", "account"):
            assert words in page

    def test_the_points_table_or_that_there_is_none(self) -> None:
        assert "No points rules and no points column" in self.page(Definition())
        table = PointsTable(
            threshold=40,
            rules=(Rule(name="<b>", points=-15, column="x", present=True),),
            buckets={"A": 60, "B": 40},
            caps={"fit": 30},
        )
        page = self.page(replace(Definition(), points=table))
        assert '<data value="40">40</data>' in page
        assert "&lt;b&gt;" in page
        assert '<data value="-15">\u221215</data>' in page
        assert 'A from <data value="60">60</data>, B from <data value="40">40</data>.' in page
        assert 'fit at most <data value="30">30</data>.' in page
