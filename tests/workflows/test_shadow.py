"""Champion and challenger on the same leads: counted by hand, and judged only where it is fair."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import log
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from leadml.cli.main import main
from leadml.domain.agreement import Agreement
from leadml.domain.definition import Definition
from leadml.domain.event import Event
from leadml.errors import LeadmlError
from leadml.settings import ServeSettings, Settings
from leadml.store.ledger import Ledger
from leadml.workflows.shadow import shadow

START = datetime(2026, 1, 5, tzinfo=UTC)


def settings_in(root: Path, share: float = 0.5) -> Settings:
    return Settings(
        definition=Definition(agreement=Agreement(horizon_days=30)),
        root=root,
        store_url=f"sqlite:///{root / 'ledger.db'}",
        serve=ServeSettings(shadow=share),
    )


def record(settings: Settings, events: list[Event]) -> None:
    with Ledger.open(settings.store_url) as ledger:
        assert {receipt.status for receipt in ledger.record(events)} == {"recorded"}


def scored(
    lead: str, p: float, ready: bool | None, *, version: str, day: float = 0, **detail: Any
) -> Event:
    at = START + timedelta(days=day)
    told = {"probability": p, "as_of": at.isoformat(), **detail}
    if ready is not None:
        told["sales_ready"] = ready
    return Event(
        event="scored",
        lead=lead,
        happened_at=at,
        model_version=version,
        idempotency_key=f"{lead} {version} {day}",
        detail=told,
    )


def both(lead: str, p: tuple[float, float], ready: Any = (None, None), **more: Any) -> list[Event]:
    return [
        scored(lead, p[0], ready[0], version="1", **more),
        scored(lead, p[1], ready[1], version="2", shadow=True, **more),
    ]


def happened(kind: str, lead: str, day: float, **detail: Any) -> Event:
    at = START + timedelta(days=day)
    return Event(event=kind, lead=lead, happened_at=at, detail=detail)


def test_leads_scored_by_both_are_counted(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    events = [
        *both("L1", (0.2, 0.3), (False, True)),
        *both("L2", (0.6, 0.4), (True, False)),
        *both("L3", (0.5, 0.5), (True, True)),
        *both("L3", (0.1, 0.2), (False, False), day=1),  # the later one counts
        scored("L4", 0.9, True, version="1"),  # not in the shadow
        scored("L5", 0.9, True, version="2", shadow=True),  # nothing given at that moment
        scored("L5", 0.9, True, version="1", day=0.01),
    ]
    record(settings, events)
    values = shadow(config=settings).to_dict()
    assert (values["share"], values["challenger"], values["leads"]) == (0.5, None, 3)
    (one,) = values["comparisons"]
    assert (one["champion"], one["challenger"], one["leads"]) == ("1", "2", 3)
    assert (one["from"], one["to"]) == ("2026-01-05T00:00:00+00:00", "2026-01-06T00:00:00+00:00")
    # L1 only for the challenger, L2 only for the champion, L3 for neither.
    assert one["decision"] == {
        "leads": 3,
        "differ": 2,
        "share": pytest.approx(2 / 3),
        "ready_only": {"champion": 1, "challenger": 1},
    }
    assert one["probability"] == {
        "champion": pytest.approx((0.2 + 0.6 + 0.1) / 3),
        "challenger": pytest.approx((0.3 + 0.4 + 0.2) / 3),
        "mean_difference": pytest.approx((0.1 + 0.2 + 0.1) / 3),
        "largest_difference": pytest.approx(0.2),
    }
    assert one["outcomes"]["log_loss"] is None
    assert one["outcomes"]["verdict"] == "No lead that both scored has matured yet."


def test_outcomes_count_by_the_score_before_the_hand_off(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    events = [
        *both("L1", (0.8, 0.5)),
        happened("handed_off", "L1", 1),
        happened("won", "L1", 9, amount=1.0),
        *both("L1", (0.99, 0.01), day=10),  # after the hand-off
        *both("L2", (0.4, 0.2)),
        happened("handed_off", "L2", 1),
        happened("lost", "L2", 9),
        happened("handed_off", "L3", 1),
        *both("L3", (0.4, 0.2), day=3),  # only after its hand-off
        happened("lost", "L3", 9),
        *both("L4", (0.4, 0.2), day=80),
        happened("handed_off", "L4", 90),  # too young
    ]
    followed = [happened("followed_up", lead, 2) for lead in ("L1", "L2", "L3")]
    record(settings, [*events, *followed])
    (one,) = shadow(config=settings).to_dict()["comparisons"]
    outcomes = one["outcomes"]
    assert one["leads"] == 4
    assert (outcomes["leads"], outcomes["won"]) == (2, 1)
    # L1 won, L2 lost: the mean surprise of either.
    champion, challenger = -(log(0.8) + log(0.6)) / 2, -(log(0.5) + log(0.8)) / 2
    assert outcomes["log_loss"]["champion"] == pytest.approx(champion)
    assert outcomes["log_loss"]["challenger"] == pytest.approx(challenger)
    assert outcomes["log_loss"]["difference"] == pytest.approx(champion - challenger)
    assert outcomes["better"] is None
    few = "No difference can be shown yet: 1 won and 1 not won, 20 of each are needed."
    assert outcomes["verdict"] == few


def matured(
    number: int, p: tuple[float, float], *, won: bool, handed: dict[str, Any] | None = None
) -> list[Event]:
    lead = f"L{number}"
    end = happened("won", lead, 9, amount=1.0) if won else happened("lost", lead, 9)
    return [
        *both(lead, p, (p[0] >= 0.5, p[1] >= 0.5)),
        happened("handed_off", lead, 1, **(handed or {})),
        happened("followed_up", lead, 2),
        end,
    ]


LATER = [scored("last", 0.5, None, version="1", day=99), happened("handed_off", "last", 99)]


@pytest.mark.parametrize(
    ("gain", "better", "words"),
    [
        (0.3, "challenger", "The challenger is better: log loss 0.2231 against the champion's 0.6"),
        (-0.3, "champion", "The champion is better: log loss 1.6094 against the champion's 0.6931"),
        (0.0, None, "No difference shown: log loss 0.6931 against the champion's 0.6931."),
    ],
)
def test_who_is_better_is_named_where_outcomes_show_it(
    tmp_path: Path, gain: float, better: str | None, words: str
) -> None:
    # The challenger says 0.5 + gain of won leads and 0.5 - gain of lost ones, the champion 0.5.
    settings = settings_in(tmp_path)
    events = [
        event
        for number in range(60)
        for event in matured(
            number, (0.5, 0.5 + (gain if number % 2 else -gain)), won=bool(number % 2)
        )
    ]
    record(settings, [*events, *LATER])
    (one,) = shadow(config=settings).to_dict()["comparisons"]
    outcomes = one["outcomes"]
    assert (outcomes["leads"], outcomes["won"]) == (60, 30)
    assert outcomes["better"] == better
    assert outcomes["verdict"].startswith(words)
    assert "the champion had a say in which" in outcomes["told"][0]


def test_no_winner_among_leads_that_the_champion_chose(tmp_path: Path) -> None:
    # Handed off is what the champion puts above 0.5; among these it says 0.7 of all.
    settings = settings_in(tmp_path)
    events = []
    for number in range(60):
        won = bool(number % 2)
        events += matured(number, (0.7 + number * 1e-4, 0.8 if won else 0.2), won=won)
    rest = [e for n in range(60, 160) for e in both(f"L{n}", (0.01 * (n - 59) / 2, 0.5))]
    record(settings, [*events, *rest, *LATER])
    (one,) = shadow(config=settings).to_dict()["comparisons"]
    assert one["outcomes"]["better"] is None
    assert one["outcomes"]["verdict"].startswith(
        "No winner is named, for the champion chose these leads: log loss 0.2231 against"
    )


def test_leads_handed_off_at_random_stand_for_the_others(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    events = []
    for number in range(80):
        won, drawn = bool(number % 2), number >= 60
        handed = {"explored": drawn, "handoff_probability": 0.25 if drawn else 1.0}
        events += matured(number, (0.5, 0.9 if drawn and won else 0.5), won=won, handed=handed)
    record(settings, [*events, *LATER])
    (one,) = shadow(config=settings).to_dict()["comparisons"]
    outcomes = one["outcomes"]
    assert outcomes["explored"] == 20
    # 60 leads count once and 20 four times; 10 of these lost log(2) by 0.5 and -log(0.9) by 0.9.
    gap = 4 * 10 * (log(2) + log(0.9)) / (60 + 4 * 20)
    assert outcomes["log_loss"]["difference"] == pytest.approx(gap)
    assert "stand for the others" in outcomes["told"][0]
    assert outcomes["verdict"] == (
        "No difference can be shown yet: 10 won and 10 not won among those handed off at random, "
        "20 of each are needed."
    )


@pytest.mark.parametrize(("won_of_drawn", "better"), [(20, "challenger"), (19, None), (21, None)])
def test_a_name_needs_enough_leads_handed_off_at_random(
    tmp_path: Path, won_of_drawn: int, better: str | None
) -> None:
    settings = settings_in(tmp_path)
    events = []
    for number in range(100):
        drawn = number >= 60
        won = number - 60 < won_of_drawn if drawn else bool(number % 2)
        handed = {"explored": drawn, "handoff_probability": 0.02 if drawn else 1.0}
        events += matured(number, (0.5, 0.9 if won else 0.1), won=won, handed=handed)
    handed_off = {"explored": True, "handoff_probability": 1.0}  # for certain: none of the drawn
    events += matured(100, (0.5, 0.9), won=True, handed=handed_off)
    record(settings, [*events, *LATER])
    (one,) = shadow(config=settings).to_dict()["comparisons"]
    assert one["outcomes"]["explored"] == 41
    assert (one["outcomes"]["better"], one["outcomes"]["looks"]) == (better, "any")


def test_leads_handed_off_at_random_are_not_cut_off(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    events = []
    for number in range(9):
        handed = {"explored": number == 8, "handoff_probability": 0.01 if number == 8 else 1.0}
        p = (0.5, 0.9 if number == 8 else 0.5)
        events += matured(number, p, won=number == 8, handed=handed)
    record(settings, [*events, *LATER])
    (one,) = shadow(config=settings).to_dict()["comparisons"]
    # 8 leads count once and one a hundred times
    gap = 100 * (log(2) + log(0.9)) / 108
    assert one["outcomes"]["log_loss"]["difference"] == pytest.approx(gap)


def test_a_single_account_names_nobody(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    events = []
    for number in range(60):
        won = bool(number % 2)
        for event in matured(number, (0.5, 0.9 if won else 0.1), won=won):
            events.append(replace(event, account="Acme"))
    record(settings, [*events, *(replace(event, account="Acme") for event in LATER)])
    (one,) = shadow(config=settings).to_dict()["comparisons"]
    loss = one["outcomes"]["log_loss"]
    assert (one["outcomes"]["better"], loss["low"], loss["high"]) == (None, None, None)


def test_every_challenger_is_held_against_its_own_champion(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    later = [
        scored("L1", 0.5, True, version="2", day=5),
        scored("L1", 0.5, True, version="3", day=5, shadow=True),
    ]
    record(settings, [*both("L1", (0.2, 0.3)), *later])
    pairs = [
        (one["champion"], one["challenger"])
        for one in shadow(config=settings).to_dict()["comparisons"]
    ]
    assert pairs == [("2", "3"), ("1", "2")]


def test_nothing_to_compare_says_why(tmp_path: Path) -> None:
    with pytest.raises(LeadmlError, match=r"ledger"):
        shadow(config=settings_in(tmp_path))
    record(settings_in(tmp_path), [scored("L1", 0.5, True, version="1")])
    assert shadow(config=settings_in(tmp_path, 0)).to_dict()["told"] == [
        "No lead is scored in the shadow: set [serve] shadow to a share, 0.1 say."
    ]
    assert shadow(config=settings_in(tmp_path)).to_dict()["told"] == [
        "No version is challenger: training names one that does not beat the champion."
    ]
    (tmp_path / "models").mkdir()
    named = {"challenger": {"version": "2", "bundle": "versions/2"}}
    (tmp_path / "models" / "aliases.json").write_text(json.dumps(named))
    values = shadow(config=settings_in(tmp_path)).to_dict()
    assert values["told"] == ["Version 2 has scored no lead beside the champion yet."]
    assert (values["challenger"], values["comparisons"]) == ("2", [])


def test_the_command_tells_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    toml = '[store]\nurl = "sqlite:///ledger.db"\n[serve]\nshadow = 0.5\n'
    (tmp_path / "leadml.toml").write_text(toml + "[sales_ready]\nhorizon_days = 30\n")
    events = [e for n in range(60) for e in matured(n, (0.5, 0.8), won=bool(n % 2))]
    record(settings_in(tmp_path), [*events, *LATER])
    values = json.loads(CliRunner().invoke(main, ["shadow", "--json"]).stdout)
    assert values["comparisons"] == shadow(config=settings_in(tmp_path)).to_dict()["comparisons"]
    shown = " ".join(CliRunner().invoke(main, ["shadow"]).stdout.split())
    assert "Version 2 in the shadow of version 1, 2026-01-05 to 2026-01-05" in shown
    assert "60 leads scored by both: the decision differs for 0 (0.0%)" in shown
    assert "probabilities by 0.300 on average and 0.300 at most." in shown
    assert "60 of them have matured, 30 were won: log loss of the champion less" in shown
    assert np.isclose(values["comparisons"][0]["probability"]["challenger"], 0.8)
