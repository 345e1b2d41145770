import pytest

from leadml.domain.targets import Targets


def test_only_what_is_set_is_a_target() -> None:
    assert Targets().set() == {}
    assert Targets(handoffs=20, margin=1e4).set() == {"handoffs": 20, "margin": 1e4}


@pytest.mark.parametrize("value", [0.0, -1.0, float("inf")])
def test_a_target_of_nothing_is_none(value: float) -> None:
    with pytest.raises(ValueError, match=r"wins must be above 0 a month, found"):
        Targets(wins=value)
