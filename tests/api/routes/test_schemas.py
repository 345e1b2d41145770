"""What callers send: however much is wrong with it, few problems are made of it."""

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from leadml.api.routes.ledger_schemas import EventIn
from leadml.api.routes.schemas import BatchRequest, ScoreRequest

MANY = {f"x{n}": 0 for n in range(1_000)}


def problems(kind: type[BaseModel], sent: object) -> list[tuple[int | str, ...]]:
    with pytest.raises(ValidationError) as refused:
        kind.model_validate(sent)
    return [problem["loc"] for problem in refused.value.errors()]


@pytest.mark.parametrize(
    ("kind", "own"),
    [
        (ScoreRequest, {"lead": {}}),
        (BatchRequest, {"leads": []}),
        (EventIn, {"event": "accepted", "lead": "a", "happened_at": "2026-01-01"}),
    ],
)
def test_the_first_hundred_unknown_names_are_problems(
    kind: type[BaseModel], own: dict[str, Any]
) -> None:
    assert problems(kind, MANY | own) == [(f"x{n}",) for n in range(100)]
    kind.model_validate(own)


def test_what_is_missing_among_many_names_is_told_first() -> None:
    assert problems(ScoreRequest, MANY)[:2] == [("lead",), ("x0",)]


@pytest.mark.parametrize(
    ("lead", "each"),
    [
        ({"lead": {}} | {f"x{n}": 0 for n in range(30)}, 30),
        ({"lead": {}, "activities": [1] * 20, "account_activities": [2] * 5}, 25),
        ("none", 1),
    ],
)
def test_leads_beyond_a_hundred_problems_are_not_looked_at(lead: object, each: int) -> None:
    wanted = -(-100 // each) * each  # whole leads: 4 * 30, 4 * 25, 100 * 1
    assert len(problems(BatchRequest, {"leads": [{"lead": {}}] * 3 + [lead] * 500})) == wanted


def test_what_is_too_much_is_one_problem() -> None:
    assert problems(BatchRequest, {"leads": [1] * 1_001}) == [("leads",)]
    many = {"lead": {}, "activities": [1] * 10_001}
    assert problems(BatchRequest, {"leads": [many] * 200}) == [
        ("leads", n, "activities") for n in range(200)
    ]
    assert problems(BatchRequest, {"leads": 1}) == [("leads",)]
