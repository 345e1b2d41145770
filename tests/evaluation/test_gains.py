import numpy as np
import pytest

from leadml.evaluation.gains import gains


def test_curve_worked_by_hand() -> None:
    # ranking: won, lost, won, lost -> half the wins after a quarter, all after three quarters
    curve = gains(np.array([True, False, True, False]), np.array([4.0, 3, 2, 1]), points=5)
    assert [point["leads"] for point in curve] == pytest.approx([0, 0.25, 0.5, 0.75, 1])
    assert [point["won"] for point in curve] == pytest.approx([0, 0.5, 0.5, 1, 1])


def test_all_tied_is_the_diagonal() -> None:
    curve = gains(np.array([True, False, False]), np.zeros(3), points=11)
    assert all(point["won"] == pytest.approx(point["leads"]) for point in curve)


def test_without_wins_there_is_no_curve() -> None:
    assert gains(np.array([False, False]), np.array([1.0, 2.0])) == []
