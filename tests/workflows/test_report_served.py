from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from leadml.settings import Settings

Report = Callable[..., dict[str, Any]]


def row(name: str, p: float | None, *, won: bool = False, **more: object) -> dict[str, object]:
    day = "2026-01-10"
    known = {"created_at": "2026-01-01", "handed_off_at": day, "followed_up_at": day}
    ended = {"outcome": "won" if won else "lost", "closed_at": "2026-01-20", "probability": p}
    return {"lead": name} | known | ended | more


def group(p: float, leads: int, won: int, **more: object) -> list[dict[str, object]]:
    return [row(f"{p} {more} {n}", p, won=n < won, **more) for n in range(leads)]


# 160 leads at 0.5 (80 won, 100 points) and 160 at 0.2 (16 won, 20 points).
ROWS = group(0.5, 160, 80, points=100) + group(0.2, 160, 16, points=20)
THRESHOLD = "[points]\nthreshold = 50\n"


def test_reliability_by_hand(reported: Report) -> None:
    found = reported([*ROWS, row("unserved", None)])["reliability"]
    assert (found["leads"], found["won"], found["explored"]) == (320, 96, 0)
    assert [(one["predicted"], one["leads"], one["won"]) for one in found["bins"]] == [
        (pytest.approx(0.2), 160, 16),
        (pytest.approx(0.5), 160, 80),
    ]
    assert found["mean_predicted"] == pytest.approx(0.35)
    assert found["mean_observed"] == 0.3


def test_only_leads_whose_outcome_counts_are_held_against_it(reported: Report) -> None:
    young = {
        "handed_off_at": "2026-03-20",
        "followed_up_at": "2026-03-20",
        "closed_at": "2026-03-25",
    }
    rows = [
        *ROWS,
        row("young", 0.9, won=True) | young,
        row("neglected", 0.9) | {"followed_up_at": None},
        row("explored", 0.05, explored=1, handoff_probability=0.1),
        row("held back", 0.01) | {"handed_off_at": None},
    ]
    found = reported(rows)["reliability"]
    assert (found["leads"], found["explored"]) == (321, 1)  # the explored one is a lead like others


def test_without_served_probabilities_there_is_none_and_why(reported: Report) -> None:
    values = reported([row("a", None)])
    why = "no served probability is recorded ([leads].probability, or scores in the ledger)"
    assert values["reliability"] is None
    assert values["reliability_why_null"] == why
    assert values["recommendation"] is None
    assert values["recommendation_why_null"] == why
    assert values["equal_volume"]["why_null"] == why
    assert values["equal_volume"]["leads"] == 0
    assert any(sentence.startswith("No served probability") for sentence in values["uncertain"])


def test_nothing_matured_yet_says_so(reported: Report) -> None:
    young = {
        "handed_off_at": "2026-03-20",
        "closed_at": None,
        "outcome": "",
        "followed_up_at": None,
    }
    values = reported([row("a", 0.4, points=3) | young])
    why = "no lead with a served probability has matured"
    assert values["reliability_why_null"] == values["recommendation_why_null"] == why
    assert values["equal_volume"]["why_null"] == why


def test_model_and_points_at_the_volume_of_the_points(reported: Report) -> None:
    rows = [one | {"points": 60 if n % 2 else 10} for n, one in enumerate(ROWS)]
    found = reported(rows, THRESHOLD)["equal_volume"]
    assert (found["volume"], found["volume_is"]) == (160, "as many as reach the agreed points")
    assert found["model"]["won"] == 80.0  # all those at 0.5
    assert found["points"]["won"] == 48.0  # every other lead, and every other win
    assert found["difference"]["value"] == pytest.approx(0.2)
    assert found["better"] == "model"
    assert found["told"] == [
        "Only leads that were handed off have an outcome, so whichever score chose them looks "
        "worse here than it is."
    ]


def test_what_decided_who_was_handed_off_is_not_named_the_loser(reported: Report) -> None:
    # Only leads from 50 points on were handed off; the model ranks those, the points hardly can.
    held = [row(f"held {n}", 0.3, points=n % 50) | {"handed_off_at": None} for n in range(320)]
    rows = [one | {"points": 60 + n % 2} for n, one in enumerate(ROWS)]
    found = reported([*rows, *held], "[points]\nthreshold = 61\n")["equal_volume"]
    assert found["difference"]["low"] > 0
    assert found["restricted"] == {"model": False, "points": True}
    assert found["better"] is None
    assert found["told"][1].startswith("Here the points decided who was handed off")


def test_explored_leads_weigh_for_those_they_stand_for(reported: Report) -> None:
    drawn = group(0.05, 20, 1, points=5, explored=1, handoff_probability=0.1)
    found = reported([*ROWS, *drawn], THRESHOLD)["equal_volume"]
    assert (found["leads"], found["explored"]) == (340, 20)
    assert "weighted" in found["model"]["close_rate"]["reason"]


def test_a_lead_without_points_is_not_compared(reported: Report) -> None:
    found = reported([*ROWS, row("no points", 0.9, won=True)], THRESHOLD)["equal_volume"]
    assert found["leads"] == 320
    bare = reported(ROWS, without=("points",))["equal_volume"]
    assert bare["why_null"] == "no points are recorded ([leads].points, or scores in the ledger)"


def test_the_cut_to_use_now(reported: Report) -> None:
    values = reported([ROWS[n] for n in np.random.default_rng(0).permutation(320)])
    found = values["recommendation"]
    assert (found["cut"], found["basis"], found["policy"]) == (0.5, "guaranteed", "group")
    assert (found["cut_now"], found["model_version"]) == (None, None)
    effect = found["would_have"]
    assert (effect["handed_off"], effect["won"], effect["missed_wins"]) == (160, 80, 16)
    assert effect["close_rate"]["value"] == 0.5
    assert values["recommendation_why_null"] is None
    assert found["told"][0].startswith("Leads with a probability of at least 50 % are handed off.")
    assert "several versions may have served these probabilities" in " ".join(found["told"])
    assert found["told"][-1].startswith("The cut was read from these same leads, which flatters")


def test_the_cut_of_the_champion_stands_beside_it(
    reported: Report, make_model: Callable[..., Settings]
) -> None:
    make_model()
    found = reported(ROWS)["recommendation"]
    assert (found["cut_now"], found["model_version"]) == (0.5, "3")
    assert "from 50 % on, as now:" in found["text"]


def test_a_champion_without_a_cut_has_none(
    reported: Report, make_model: Callable[..., Settings]
) -> None:
    make_model(threshold={"probability": None, "basis": "points"})
    found = reported(ROWS)["recommendation"]
    assert (found["cut_now"], found["model_version"]) == (None, "3")


def test_explored_leads_are_no_part_of_a_cut(reported: Report) -> None:
    drawn = group(0.05, 40, 30, points=5, explored=1, handoff_probability=0.1)
    assert reported([*ROWS, *drawn])["recommendation"]["would_have"]["of"]["handed_off"] == 320


def test_one_lead_of_each_company_is_tested(reported: Report) -> None:
    rows = [one | {"account": f"company {n // 2}"} for n, one in enumerate(ROWS)]
    found = reported(rows)["recommendation"]["would_have"]
    assert found["handed_off"] == 160
    assert found["close_rate"]["leads"] == 80


def test_too_few_wins_leave_it_to_the_agreed_points(reported: Report) -> None:
    few = group(0.5, 30, 15, points=100) + group(0.2, 30, 2, points=20)
    found = reported(few, THRESHOLD)["recommendation"]
    assert (found["basis"], found["cut"]) == ("points", None)
    assert found["would_have"]["handed_off"] == 30
    bare = reported(few, without=("points",))
    assert bare["recommendation"] is None
    assert "17 of them won" in bare["recommendation_why_null"]
