"""The versions: which serves, what is asked before that changes."""

from typing import Any

import pytest

from leadml.pages.models_page import Versions, models_page, promotion_page
from leadml.pages.site import Frame

FRAME = Frame("/models")


def version(number: str, alias: str | None = None, **more: Any) -> dict[str, Any]:
    known = {
        "version": number,
        "alias": alias,
        "trained_at": "2026-01-02T03:04:05+00:00",
        "chosen": "additive_boosting",
        "leads": 1_234,
        "won": 321,
        "out_of_time": {"log_loss": 0.41234, "auc": 0.7},
        "threshold": {"probability": 0.25, "basis": "guaranteed"},
        "agreement_hash": "a" * 64,
        "problem": None,
    }
    return known | more


DAMAGED = dict.fromkeys(version("1")) | {"version": "1", "problem": "model.json was changed"}


def shown(*versions: dict[str, Any], **more: Any) -> Versions:
    plain: dict[str, Any] = {
        "serving": "3",
        "problem": "",
        "previous": "2",
        "agreement_hash": "a" * 64,
        "may_change": True,
    }
    return Versions(versions=versions, **(plain | more))


def test_every_number_of_a_version() -> None:
    page = models_page(shown(version("3", "champion")), FRAME)
    for number, words in (
        ("1234", "1,234"), ("321", "321"), ("0.41234", "0.4123"), ("0.7", "0.7000"),
        ("0.25", "25.0\u202f%"),
    ):  # fmt: skip
        assert f'<data value="{number}">{words}</data>' in page
    assert "additive boosting" in page
    assert '<span class="tag">champion</span>' in page
    assert "not today’s" not in page


def test_another_agreement_and_a_cut_that_is_none_are_told() -> None:
    points = {"probability": None, "basis": "points"}
    nobody = {"probability": None, "basis": "none"}
    page = models_page(
        shown(
            version("3", threshold=points), version("2", threshold=nobody, agreement_hash="b" * 64)
        ),
        FRAME,
    )
    assert "by points" in page
    assert "nobody is handed off" in page
    assert page.count("not today’s") == 1


def test_only_sound_versions_that_do_not_serve_may_be_promoted() -> None:
    versions = version("3", "champion"), version("2", "challenger"), DAMAGED
    page = models_page(shown(*versions), FRAME)
    assert 'href="/models/2/promote">Promote<' in page
    assert "/models/3/promote" not in page
    assert "/models/1/promote" not in page
    assert "model.json was changed" in page
    page = models_page(shown(*versions, may_change=False), FRAME)
    assert "promote" not in page
    assert "needs a key for administrators" in page


@pytest.mark.parametrize(
    ("previous", "offered"), [("2", True), ("1", False), ("9", False), (None, False)]
)
def test_the_way_back_is_offered_where_it_is_sound(previous: str | None, offered: bool) -> None:
    versions = version("3", "champion"), version("2"), DAMAGED
    page = models_page(shown(*versions, previous=previous), FRAME)
    assert ("Roll back to version" in page) is offered


@pytest.mark.parametrize(
    ("versions", "serving", "words"),
    [
        ((version("3", "champion"),), "3", "Version 3 serves."),
        ((version("3", "champion"),), None, "No version serves."),
        ((), None, "There is no version yet."),
    ],
)
def test_what_serves_is_the_headline(versions: Any, serving: str | None, words: str) -> None:
    page = models_page(shown(*versions, serving=serving, problem="a file is missing"), FRAME)
    assert f"<h1>{words}</h1>" in page
    assert "a file is missing" in page


def test_a_champion_that_does_not_serve_yet_is_told() -> None:
    champion = version("3", "champion")
    waiting = "Version 3 is champion: the service takes it up within about a second."
    assert waiting in models_page(shown(champion, serving="2"), FRAME)
    assert waiting not in models_page(shown(champion, serving="3"), FRAME)
    assert waiting not in models_page(shown(champion, serving=None, problem="damaged"), FRAME)


class TestQuestion:
    def test_both_versions_stand_beside_each_other(self) -> None:
        wanted = version("4", leads=999)
        page = promotion_page(shown(version("3", "champion"), wanted), wanted, FRAME, token="t<")
        assert "<h1>Make version 4 champion?</h1>" in page
        assert '<form method="post" action="/models/4/promote"' in page
        assert '<input type="hidden" name="token" value="t&lt;">' in page
        assert '<input type="hidden" name="serving" value="3">' in page
        assert '<data value="1234">' in page
        assert '<data value="999">' in page

    def test_without_a_champion_there_is_nothing_beside_it(self) -> None:
        wanted = version("4")
        page = promotion_page(shown(wanted, DAMAGED), wanted, FRAME, token="t")
        assert 'name="serving" value=""' in page
        assert "serves now" not in page

    def test_the_champion_before_is_gone_back_to(self) -> None:
        wanted = version("2")
        page = promotion_page(shown(version("3", "champion"), wanted), wanted, FRAME, token="t")
        assert "<h1>Roll back to version 2?</h1>" in page

    def test_a_damaged_champion_is_left_behind(self) -> None:
        wanted = version("2")
        champion = DAMAGED | {"alias": "champion"}
        page = promotion_page(shown(champion, wanted), wanted, FRAME, token="t")
        assert "serves now: version 1" in page
