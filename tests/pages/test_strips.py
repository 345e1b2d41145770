import pytest

from leadml.pages.strips import bar, top_of, whisker

RATE = {"value": 0.3, "low": 0.2, "high": 0.45}
NONE = {"value": None, "low": None, "high": None}


def test_a_bar_is_as_long_as_its_share() -> None:
    # 0.25 of at most 0.5 is half of the cell
    assert 'width="50.00%"' in bar(0.25, 0.5)
    assert 'width="100.00%"' in bar(3.0, 1.5)
    assert bar(None) == ""
    assert bar(0.0, 0.0) == ""


def test_a_bar_may_have_a_line_at_what_was_agreed() -> None:
    # 1 of at most 1.25 is four fifths along
    assert 'class="agreed" x1="80.00%" x2="80.00%"' in bar(0.5, 1.25, 1.0)
    assert "agreed" not in bar(0.5, 1.25)


def test_a_whisker_lies_where_the_rate_lies() -> None:
    # On a scale from 0 to 0.6: .2 is a third along, .3 a half, .45 three quarters
    drawn = whisker(RATE, 0.6, 0.15)
    assert 'class="arms" x1="33.33%" x2="75.00%"' in drawn
    assert 'class="dot" cx="50.00%"' in drawn
    assert 'class="agreed" x1="25.00%" x2="25.00%"' in drawn
    assert 'aria-hidden="true"' in drawn


def test_bounds_beyond_the_scale_run_off_its_end() -> None:
    assert 'x2="100.00%"' in whisker(RATE, 0.4)


def test_without_a_rate_only_the_agreed_line_is_drawn() -> None:
    assert "dot" not in whisker(NONE, 0.6, 0.3)
    assert "agreed" in whisker(NONE, 0.6, 0.3)
    assert whisker(NONE, 0.6) == ""


@pytest.mark.parametrize(
    ("rates", "agreed", "expected"),
    [
        ([], 0.3, 0.4),  # a quarter more than agreed is .375
        ([RATE], 0.3, 0.5),  # .45, the next twentieth above
        ([RATE, RATE, RATE, {"value": 0.1, "low": 0.0, "high": 0.99}], 0.3, 1.0),
        ([RATE, RATE, RATE, RATE, {"value": 0.1, "low": 0.0, "high": 0.99}], 0.3, 0.5),
        ([{"value": 0.99, "low": 0.9, "high": 1.0}], 0.3, 1.0),
        ([NONE], 0.04, 0.1),
    ],
)
def test_a_scale_ends_where_values_and_most_bounds_find_room(
    rates: list[dict[str, float | None]], agreed: float, expected: float
) -> None:
    assert top_of(rates, agreed) == pytest.approx(expected)
