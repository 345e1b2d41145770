"""Bands and stages, for one lead and for many."""

import numpy as np
import pytest

from leadml.model.verdict import BANDS, NOT_QUALIFIED, NURTURE, READY, Bands, Stages


def test_a_cut_point_belongs_to_the_better_band() -> None:
    bands = Bands({"A": 0.5, "B": 0.3, "C": 0.1})
    told = {1.0: "A", 0.5: "A", 0.4999: "B", 0.3: "B", 0.1: "C", 0.0999: "D", 0.0: "D"}
    assert [bands.at(p) for p in told] == list(told.values())
    assert bands.of(np.array(list(told))).tolist() == list(told.values())


def test_bands_may_be_empty() -> None:
    bands = Bands(dict.fromkeys(BANDS[:3], 0.2))
    assert [bands.at(p) for p in (0.2, 0.1)] == ["A", "D"]


@pytest.mark.parametrize(
    ("eventually", "ready", "stage"),
    [
        (0.1, True, READY),
        (0.4, False, NURTURE),  # at the cut
        (0.39, False, NOT_QUALIFIED),
        (None, True, READY),
        (None, False, None),
    ],
)
def test_stages(eventually: float | None, ready: bool, stage: str | None) -> None:
    stages = Stages(0.4)
    assert stages.at(eventually, ready=ready) == stage
    later = None if eventually is None else np.array([eventually])
    assert stages.of(np.array([ready]), later) == [stage]
