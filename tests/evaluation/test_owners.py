import numpy as np

from leadml.evaluation.owners import MOST, shrunken


def team(*groups: tuple[str | None, int, int]) -> tuple[np.ndarray, np.ndarray]:
    won = np.concatenate([np.arange(n) < wins for _, n, wins in groups])
    return won, np.array([name for name, n, _ in groups for _ in range(n)], object)


def test_rates_are_drawn_to_the_team_the_more_the_fewer_leads() -> None:
    won, owner = team(("Kim", 400, 120), ("Lee", 400, 200), ("New", 4, 4))
    rates, words = shrunken(won, owner, None, confidence=0.95)
    overall = 324 / 804
    assert 0.30 < rates["Kim"]["value"] < overall < rates["Lee"]["value"] < 0.5
    assert rates["New"]["value"] < 0.8  # four of four is no 100 %
    assert rates["Kim"]["told"] == "below the team"
    assert rates["Lee"]["told"] == "above the team"
    assert rates["New"]["told"] == "tie with the team"
    assert rates["Kim"]["low"] < rates["Kim"]["value"] < rates["Kim"]["high"]
    assert words.endswith("so the mix of leads is not allowed for")


def test_the_mix_of_leads_is_allowed_for_where_it_is_known() -> None:
    # Both close exactly what their leads are worth, so neither differs from the team.
    won, owner = team(("Kim", 300, 60), ("Lee", 300, 150))
    odds = np.where(owner == "Kim", np.log(0.25), 0.0)
    rates, words = shrunken(won, owner, odds, confidence=0.95)
    assert {rate["told"] for rate in rates.values()} == {"tie with the team"}
    assert "the mix of leads is allowed for by their served probabilities" in words
    some = odds.copy()
    some[0] = np.nan
    rates, words = shrunken(won, owner, some, confidence=0.95)
    assert rates["Kim"]["told"] == "below the team"
    assert "not every lead has a served probability" in words


def test_nothing_is_compared_where_there_is_too_little() -> None:
    won, owner = team(("Kim", 10, 3), ("Lee", 10, 3))
    rates, words = shrunken(won, owner, None, confidence=0.95)
    assert rates == {}
    assert words == (
        "representatives were not compared: fewer than 20 wins or losses among the leads with an "
        "owner"
    )


def test_of_many_those_with_most_leads_are_compared() -> None:
    won, owner = team(*((f"rep {n:03d}", 2 if n else 1, 1) for n in range(MOST + 1)))
    rates, words = shrunken(won, owner, None, confidence=0.95)
    assert len(rates) == MOST
    assert "rep 000" not in rates
    assert words.endswith(f"only the {MOST} with most leads")
    _, words = shrunken(won[1:], owner[1:], None, confidence=0.95)
    assert "only" not in words
