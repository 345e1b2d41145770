from collections.abc import Callable
from typing import Any

import pytest

from leadml.evaluation.close_rate import close_rate

Report = Callable[..., dict[str, Any]]


def row(name: str, *, won: bool = False, **more: object) -> dict[str, object]:
    day = "2026-01-10"
    known = {"created_at": "2026-01-01", "handed_off_at": day, "followed_up_at": day}
    ended = {"outcome": "won" if won else "lost", "closed_at": "2026-01-20"}
    return {"lead": name} | known | ended | more


ROWS = [
    row("a", won=True, owner="Kim", band="A", segment="North", account_size="7"),
    row("b", won=True, owner="Kim", band="B", segment="South", account_size="1,200"),
    row("c", owner="Lee", band="B", segment="South", account_size="80"),
    row("d", owner="Lee", band="C", account_size="80"),
]


def test_slices_by_segment_band_and_size(reported: Report) -> None:
    by = reported(ROWS)["by"]

    def counts(key: str) -> list[tuple[object, int, int]]:
        return [(one[key], one["matured"], one["won"]) for one in by[key]]

    assert counts("segment") == [("South", 2, 1), ("North", 1, 1), (None, 1, 0)]
    assert counts("band") == [("A", 1, 1), ("B", 2, 1), ("C", 1, 0)]  # in order of the bands
    assert counts("account_size") == [
        ("1 to 9", 1, 1),
        ("50 to 249", 2, 0),
        ("1,000 to 4,999", 1, 1),
    ]
    assert by["source"] == []


def test_sizes_that_are_no_numbers_stay_as_they_are(reported: Report) -> None:
    rows = [
        one | {"account_size": name} for one, name in zip(ROWS, ("S", "M", "M", "12"), strict=True)
    ]
    by = reported(rows)["by"]["account_size"]
    assert [(one["account_size"], one["handed_off"]) for one in by] == [
        ("M", 2),
        ("12", 1),
        ("S", 1),
    ]


def test_ranges_of_the_crm_come_smallest_first(reported: Report) -> None:
    sizes = ("1000+", "50-249", "1-49", "50-249")
    rows = [one | {"account_size": name} for one, name in zip(ROWS, sizes, strict=True)]
    by = reported(rows)["by"]["account_size"]
    assert [one["account_size"] for one in by] == ["1-49", "50-249", "1000+"]


def test_months_of_the_agreed_rate(reported: Report) -> None:
    late = row("late", won=True) | {"followed_up_at": "2026-01-19"}
    assert reported([*ROWS, late])["over_time"]["months"] == [
        {"month": "2026-01", "leads": 4, "won": 2} | close_rate(2, 4, 0.95).to_dict()
    ]
    every = reported([*ROWS, late], 'counts = "handed_off"')["over_time"]["months"]
    assert every == [{"month": "2026-01", "leads": 5, "won": 3} | close_rate(3, 5, 0.95).to_dict()]


@pytest.fixture
def team() -> list[dict[str, object]]:
    """Return 80 leads: Kim wins 30 of 40, Lee 10 of 40."""
    return [
        row(f"{owner}{n}", won=n < wins, owner=owner, probability=0.5)
        for owner, wins in (("Kim", 30), ("Lee", 10))
        for n in range(40)
    ]


def test_owners_are_drawn_to_the_team(reported: Report, team: list[dict[str, object]]) -> None:
    kim, lee = reported(team)["by"]["owner"]
    assert 0.5 < kim["shrunken"]["value"] < 0.75
    assert 0.25 < lee["shrunken"]["value"] < 0.5
    assert (kim["told"], lee["told"]) == ("above the team", "below the team")
    assert "served probabilities" in kim["shrunken_by"]


def test_few_leads_are_not_shrunken_but_told_why(reported: Report) -> None:
    for one in reported(ROWS)["by"]["owner"]:
        assert one["shrunken"] is None
        assert one["told"].startswith("representatives were not compared: fewer than 20")


def test_representatives_are_told_apart_by_companies_not_by_contacts(reported: Report) -> None:
    # Four representatives with twenty companies of eight contacts and one fate each.
    rows = [
        row(f"{who}{company}/{contact}", won=company < won, owner=who, account=f"{who}{company}")
        for who, won in (("Kim", 12), ("Lee", 6), ("Max", 5), ("Nia", 6))
        for company in range(20)
        for contact in range(8)
    ]
    owners = reported(rows)["by"]["owner"]
    assert {one["told"] for one in owners} == {"tie with the team"}
    assert "of a company's leads with one representative one is drawn" in owners[0]["shrunken_by"]
    alone = [one | {"account": one["lead"]} for one in rows]
    by_contact = reported(alone)["by"]["owner"]
    assert by_contact[0]["told"] == "above the team"
    assert "one is drawn" not in by_contact[0]["shrunken_by"]
