"""Representatives of a training run and of an evaluation, as the commands show them."""

import json
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from scipy.special import expit, logit

from leadml.cli.people import show_people
from leadml.data.leads import read_leads
from leadml.data.simulate import simulate
from leadml.data.tables import table_of
from leadml.domain.agreement import Agreement
from leadml.domain.definition import Definition
from leadml.domain.handoff import HandoffPolicy
from leadml.domain.mapping import LeadMapping
from leadml.evaluation.threshold import Threshold
from leadml.model.handoff import decide
from leadml.pages.evaluation_page import evaluation_page
from leadml.settings import Settings
from leadml.workflows.evaluate import evaluate
from leadml.workflows.material import Material
from leadml.workflows.people import carried, own_cuts, people_in
from leadml.workflows.score import load_scorer
from leadml.workflows.score_file import score
from leadml.workflows.train import train

TRUE = {"Ann": 0.0, "Bob": 0.0, "Cem": 0.0, "Dee": -1.3}
MAPPING = LeadMapping(id="id", owner="rep")
DEFINITION = Definition(leads=MAPPING, agreement=Agreement(close_rate=0.3))


def material_of(mapping: LeadMapping = MAPPING) -> tuple[Material, np.ndarray, np.ndarray]:
    """Return 1,600 leads of four, one of which closes at 27 % of the others' odds."""
    rng = np.random.default_rng(8)
    rep = np.tile(list(TRUE), 400)
    log_odds = rng.normal(-0.7, 1.0, len(rep))
    won = rng.random(len(rep)) < expit(log_odds + np.array([TRUE[name] for name in rep]))
    frame = pd.DataFrame({"id": np.arange(len(rep)), "rep": rep, "area": [f"A{n}" for n in rep]})
    leads = read_leads(table_of(frame, "leads.csv"), mapping, required={"id"})
    return Material(leads, None, None), log_odds, won


def found(
    policy: HandoffPolicy, *, team_cut: float | None = 0.25, columns: tuple[str, ...] = ()
) -> dict[str, Any]:
    material, log_odds, won = material_of()
    people = people_in(
        material,
        np.arange(len(won)),
        log_odds,
        won,
        definition=replace(DEFINITION, handoff=policy),
        columns=columns,
        threshold=None if team_cut is None else Threshold(team_cut, "guaranteed"),
    )
    assert people is not None
    return people


def cuts(people: dict[str, Any]) -> dict[str, float]:
    return {rep["owner"]: rep["cut"] for rep in people["reps"]}


def test_the_weak_representative_gets_a_stricter_cut_and_nobody_a_looser_one() -> None:
    strict = cuts(found(HandoffPolicy(per_rep=True)))
    assert strict["Dee"] > 0.25
    assert {strict[name] for name in ("Ann", "Bob", "Cem")} == {0.25}
    # With the cut, the team's leads above it would truly close at the agreed rate with Dee.
    _, log_odds, _ = material_of()
    above = log_odds[expit(log_odds) >= strict["Dee"]]
    assert expit(above + TRUE["Dee"]).mean() == pytest.approx(0.3, abs=0.05)
    assert cuts(found(HandoffPolicy(per_rep=False))) == dict.fromkeys(TRUE, 0.25)
    capacity = HandoffPolicy(per_rep=True, policy="capacity", capacity=5)
    assert cuts(found(capacity)) == dict.fromkeys(TRUE, 0.25)
    assert cuts(found(HandoffPolicy(per_rep=True), team_cut=None)) == dict.fromkeys(TRUE, None)


def test_the_floor_holds_in_these_hands() -> None:
    people = found(HandoffPolicy(per_rep=True, floor=0.29))
    assert expit(logit(cuts(people)["Dee"]) + TRUE["Dee"]) == pytest.approx(0.29, abs=0.05)
    assert cuts(people)["Dee"] > cuts(found(HandoffPolicy(per_rep=True)))["Dee"] + 0.05


def test_who_is_judged_lead_by_lead_gets_leads_that_do_as_well_at_the_cut() -> None:
    people = found(HandoffPolicy(per_rep=True, policy="each"), team_cut=0.3)
    assert expit(logit(cuts(people)["Dee"]) + TRUE["Dee"]) == pytest.approx(0.3, abs=0.05)


def test_words_say_who_is_told_apart_and_what_cannot_be() -> None:
    people = found(HandoffPolicy(per_rep=True), columns=("area",))
    assert people["same_as_owner"] == ["area"]
    words = " ".join(people["sentences"])
    assert "Dee is below the team; the other 2 tie with it" in words
    assert "area holds one value for each of them, and the model reads it" in words
    assert f"Dee gets leads from {100 * cuts(people)['Dee']:.1f} % instead of 25.0 %" in words


def test_the_stricter_cut_goes_into_the_threshold_and_decides() -> None:
    team = Threshold(0.25, "guaranteed")
    people = found(HandoffPolicy(per_rep=True))
    dee = cuts(people)["Dee"]
    assert own_cuts(team, people) == {"Dee": dee}
    served = replace(team, reps=({"owner": "Dee", "probability": dee},))
    p = np.array([0.26, 0.26, dee, dee - 1e-9, 0.24, 0.26])
    owner = ["Dee", "Ann", "Dee", "Dee", "Ann", None]
    decision = decide(served.to_dict(), p, owner=owner)
    assert decision.sales_ready.tolist() == [False, True, True, False, False, True]
    assert decision.cut.tolist() == [dee, 0.25, dee, dee, 0.25, 0.25]
    # Nothing changes without per_rep, without a cut, or where capacities gave cuts already.
    assert own_cuts(team, found(HandoffPolicy())) == {}
    assert own_cuts(team, None) == {}
    none = Threshold(None, "none")
    assert own_cuts(none, found(HandoffPolicy(per_rep=True), team_cut=None)) == {}
    by_capacity = replace(team, reps=({"owner": "Ann", "probability": 0.6},))
    assert own_cuts(by_capacity, people) == {}


def test_a_refreshed_threshold_keeps_stricter_cuts_and_none_below_the_teams() -> None:
    before = {"reps": [{"owner": "Dee", "probability": 0.4}, {"owner": "Eli", "probability": 0.3}]}
    per_rep = HandoffPolicy(per_rep=True)
    assert carried(Threshold(0.35, "guaranteed"), before, per_rep) == {"Dee": 0.4}
    assert carried(Threshold(0.35, "guaranteed"), before, HandoffPolicy()) == {}
    assert carried(Threshold(None, "none"), before, per_rep) == {}
    assert carried(Threshold(0.35, "guaranteed"), {}, per_rep) == {}


def test_without_an_owner_column_there_is_nothing_to_say() -> None:
    material, log_odds, won = material_of(LeadMapping(id="id"))
    rows = np.arange(len(won))
    nothing = people_in(material, rows, log_odds, won, definition=DEFINITION, columns=())
    assert nothing is None


def test_training_shows_them(company: Any) -> None:
    people = company.training.people
    assert {rep["owner"] for rep in people["reps"]} == set(company.crm.leads["rep"].dropna())
    assert [rep["leads"] for rep in people["reps"]] == sorted(
        (rep["leads"] for rep in people["reps"]), reverse=True
    )
    assert company.training.to_dict()["people"] == people
    page = company.training.page.read_text("utf-8")
    assert "An association: leads were not given out at random" in page
    for rep in people["reps"]:
        assert f'<th scope="row">{rep["owner"]}</th>' in page
    console = Console(width=120, file=StringIO())
    show_people(people, console)
    printed = console.file.getvalue()  # type: ignore[attr-defined]
    assert people["sentences"][0][:60] in printed
    assert "leads were not given out at random" in printed
    assert printed.count("tie") >= len(people["reps"])


def test_evaluation_shows_them_on_its_own_leads(company: Any, tmp_path: Path) -> None:
    newer = simulate(1500, seed=1, days=700)
    others = newer.leads.assign(lead_id="N" + newer.leads["lead_id"])
    found = evaluate(others, config=company.settings, output=tmp_path).to_dict()
    people = found["people"]
    assert sum(rep["leads"] for rep in people["reps"]) == found["leads"]
    assert sum(rep["won"] for rep in people["reps"]) == found["won"]
    assert people["rate"] == pytest.approx(found["close_rate"])
    assert {rep["cut"] for rep in people["reps"]} == {None}
    assert "The people" in (tmp_path / "evaluation.html").read_text("utf-8")
    rewritten = evaluation_page(json.loads((tmp_path / "evaluation.json").read_text()))
    assert people["sentences"][0].split(":")[0] in rewritten


def test_a_file_a_batch_and_a_single_request_decide_alike(
    make_model: Callable[..., Settings], handmade: Definition
) -> None:
    owned = replace(handmade, leads=replace(handmade.leads, owner="rep"))
    reps = [{"owner": "Dee", "probability": 0.7}]
    threshold = {"probability": 0.3, "basis": "guaranteed", "reps": reps}
    settings = make_model(definition=owned, threshold=threshold)
    rows = [
        {"id": f"L{n}", "size": size, "source": "Ads", "rep": rep, "handed": "2024-06-01T12:00Z"}
        for n, (size, rep) in enumerate(product((10, 5000), ("Dee", "Ann", " Dee ", None, "new")))
    ]
    export, output = settings.root / "leads.csv", settings.root / "scores.parquet"
    pd.DataFrame(rows).to_csv(export, index=False)
    score(export, output, config=settings)
    written = pd.read_parquet(output)
    scorer = load_scorer(config=settings)
    batch = scorer.score_records(rows)
    single = [scorer.score_records([row])[0] for row in rows]
    for at, (in_batch, alone) in enumerate(zip(batch, single, strict=True)):
        assert in_batch.probability == alone.probability == written["probability"][at]
        assert in_batch.cut == alone.cut == written["cut"][at]
        assert in_batch.hand_off == alone.hand_off == written["hand_off"][at]
    cuts_seen = [answer.cut for answer in batch[:5]]
    assert cuts_seen == [0.7, 0.3, 0.7, 0.3, 0.3]
    ready = [answer.sales_ready for answer in batch]
    assert True in ready
    assert ready[0] is False
    assert any(a and not b for a, b in zip(ready[1::5], ready[0::5], strict=True))


def test_a_truly_weak_representative_gets_a_stricter_cut_in_a_simulated_company(
    tmp_path: Path,
) -> None:
    # Reps differ by a standard deviation of 1.2 log-odds: some close half as many of like leads.
    crm = simulate(1600, seed=4, rep_skill=1.2, base_rate=0.35, neglect=0.0)
    config = tmp_path / "leadml.toml"
    config.write_text(f"{crm.definition}\n[handoff]\nper_rep = true\n")
    training = train(crm.leads, config=config)
    assert training.people is not None
    team = training.threshold.probability
    assert team is not None
    told = {rep["owner"]: rep for rep in training.people["reps"]}
    below = {owner for owner, rep in told.items() if rep["told"] == "below the team"}
    stricter = {rep["owner"] for rep in training.threshold.reps}
    assert below
    assert stricter <= below
    assert stricter
    assert all(rep["probability"] > team for rep in training.threshold.reps)
    assert all(told[owner]["cut"] >= team for owner in told)
    # Truly weak: over all the company's leads they close fewer than the others do.
    worked = crm.truth["followed_up"].to_numpy() & crm.leads["rep"].notna().to_numpy()
    won = crm.truth["won"].to_numpy()
    weak = crm.leads["rep"].isin(stricter).to_numpy()
    assert won[worked & weak].mean() < 0.8 * won[worked & ~weak].mean()
