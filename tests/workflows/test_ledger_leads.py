"""The ledger as a table of leads: each row is the state of its lead."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from leadml.data.values import NO_TIME, microseconds
from leadml.domain.definition import Definition
from leadml.domain.event import Event
from leadml.domain.lead_state import LeadState, state_of
from leadml.domain.mapping import LeadMapping
from leadml.store.event_columns import event_columns
from leadml.store.ledger import Ledger
from leadml.workflows.lead_table import ATTRIBUTES, COLUMNS, SCORED, TIMES, lead_table
from leadml.workflows.ledger_leads import LEDGER_MAPPING, ledger_definition, ledger_leads

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[Ledger]:
    with Ledger.open(ledger_url) as opened:
        yield opened


def random_events(seed: int, leads: int) -> list[Event]:
    """Return histories of every kind, moments that often fall together, and corrections."""
    rng = np.random.default_rng(seed)
    kinds = ("scored", "handed_off", "accepted", "rejected", "followed_up", "won", "lost")
    events = []
    for lead in range(leads):
        keys: list[str] = []
        for number in range(int(rng.integers(1, 9))):
            kind = str(rng.choice([*kinds, "reopened"]))
            keys.append(f"{lead}/{number}")
            events.append(
                Event(
                    event=kind,
                    lead=f"L{lead}",
                    happened_at=START + timedelta(hours=int(rng.integers(0, 12))),
                    account=str(rng.choice(["Acme", "Bolt"])) if rng.random() < 0.4 else None,
                    owner=str(rng.choice(["Ann", "Bob"])) if rng.random() < 0.4 else None,
                    model_version="3" if kind == "scored" else None,
                    idempotency_key=keys[-1],
                    detail=random_detail(rng, kind),
                )
            )
        if rng.random() < 0.3:
            patch: dict[str, Any] = {"void": True}
            if rng.random() < 0.5:
                patch = {"happened_at": "2026-01-01T06:30:00+00:00", "owner": "Eve"}
            events.append(
                Event(
                    event="corrected",
                    lead=f"L{lead}",
                    happened_at=START + timedelta(days=1),
                    detail={"corrects": str(rng.choice(keys)), **patch},
                )
            )
    return events


def random_detail(rng: np.random.Generator, kind: str) -> dict[str, Any]:
    if kind == "rejected":
        if rng.random() < 0.5:
            return {"reason": "wrong_person", "right_person": "Zoe"}
        return {"reason": "other", "text": "Timing"}
    if kind == "won" and rng.random() < 0.7:
        recorded = {"recorded_at": "2026-02-01T00:00:00Z"} if rng.random() < 0.5 else {}
        return {"amount": float(rng.integers(1, 9)), "margin_amount": 0.5, **recorded}
    if kind not in ("scored", "handed_off") or rng.random() < 0.2:
        return {}
    told: dict[str, Any] = {"source": "Web"} if rng.random() < 0.5 else {}
    told |= {"created_at": "2025-12-31T23:00:00+01:00", "account_size": int(rng.integers(1, 99))}
    detail: dict[str, Any] = {"attributes": told, "explored": bool(rng.random() < 0.5)}
    if kind == "scored":
        detail |= {"probability": float(rng.random()), "points": 40, "band": "B"}
        detail |= {"shadow": True} if rng.random() < 0.3 else {}
    return detail | ({"handoff_probability": 0.5} if rng.random() < 0.5 else {})


def row_of(state: LeadState) -> dict[str, Any]:
    """Return what the table must say of a lead, by name from its state."""
    row: dict[str, Any] = {name: getattr(state, name, None) for name in COLUMNS}
    row |= {name: state.attributes.get(name) for name in ATTRIBUTES}
    row |= {name: getattr(state.score, name, None) for name in SCORED}
    return row | {n: NO_TIME if row[n] is None else microseconds(row[n]) for n in TIMES}


def plain(value: Any) -> Any:
    return None if value is None or value is pd.NA or value != value else value


@pytest.mark.parametrize("horizon", [None, timedelta(hours=5)])
def test_every_row_is_the_state_of_its_lead(ledger: Ledger, horizon: timedelta | None) -> None:
    events = random_events(1, 300)
    assert {receipt.status for receipt in ledger.record(events)} == {"recorded"}
    states = (state_of(of_lead, horizon=horizon) for of_lead in ledger.leads())
    expected = [row_of(state) for state in states if state.events]
    (columns,) = event_columns(ledger)
    table = lead_table(columns, horizon=horizon)
    found = [
        {name: plain(value) for name, value in row.items()}
        for row in table.astype(object).to_dict("records")
    ]
    assert list(table.columns) == list(COLUMNS)
    assert found == expected
    # Both ways of folding were met: with corrections or ties, and without.
    ties = {lead for lead, of in pd.Series([(e.lead, e.happened_at, e.event) for e in events])
            .groupby([e.lead for e in events]) if of.duplicated().any()}  # fmt: skip
    mended = {event.lead for event in events if event.event == "corrected"}
    assert 50 < len(ties | mended) < 250


def test_parts_of_some_leads_make_the_same_table(ledger: Ledger) -> None:
    ledger.record(random_events(2, 60))
    whole = ledger_leads(ledger)
    parts = [lead_table(columns) for columns in event_columns(ledger, at_once=20)]
    assert len(parts) > 5
    assert pd.concat(parts)["lead"].tolist() == whole["lead"].tolist()
    closed = whole["closed_at"].astype(object)
    assert pd.concat(parts)["closed_at"].tolist() == [
        microseconds(datetime.fromisoformat(text)) if isinstance(text, str) else NO_TIME
        for text in closed.tolist()
    ]


def test_times_are_iso_8601_in_utc_and_nothing_is_made_up(ledger: Ledger) -> None:
    ledger.record(
        [
            Event(event="scored", lead="B", happened_at=START, detail={"probability": 0.2}),
            Event(event="handed_off", lead="A", happened_at=START + timedelta(hours=1)),
            Event(
                event="rejected",
                lead="A",
                happened_at=START + timedelta(hours=2),
                detail={"reason": "no_budget"},
            ),
        ]
    )
    rows = ledger_leads(ledger).astype(object).to_dict("records")
    first, second = ({k: v for k, v in row.items() if plain(v) is not None} for row in rows)
    # by the ledger's clock, which says microseconds
    assert datetime.fromisoformat(first.pop("handed_off_recorded_at")).microsecond >= 0
    assert first == {
        "lead": "A",
        "handed_off_at": "2026-01-01T01:00:00Z",
        "rejected_at": "2026-01-01T02:00:00Z",
        "rejection_reason": "no_budget",
        "state": "rejected",
        "handed_off_moved": False,
    }
    assert second == {"lead": "B", "probability": 0.2, "state": "scored"}


def test_an_empty_ledger_has_the_columns(ledger: Ledger) -> None:
    table = ledger_leads(ledger)
    assert (len(table), list(table.columns)) == (0, list(COLUMNS))


def test_nobody_is_explored_by_no_chance(ledger: Ledger) -> None:
    detail = {"explored": True, "handoff_probability": 0.0}
    ledger.record([Event(event="handed_off", lead="A", happened_at=START, detail=detail)])
    assert ledger_leads(ledger)["handoff_probability"].isna().all()


def test_what_the_export_does_not_hold_is_not_recorded() -> None:
    own = LeadMapping(
        id="i", outcome="o", handed_off_at="h", closed_at="c", margin="m", timezone="Europe/Berlin"
    )
    definition = ledger_definition(Definition(leads=own))
    assert set(definition.leads.named_columns) == {
        "id", "outcome", "created_at", "handed_off_at", "closed_at", "margin_amount", "explored",
        "handoff_probability", "outcome_recorded_at",
    }  # fmt: skip
    assert definition.leads.timezone == "Europe/Berlin"
    assert definition.leads.won == ("won",)


def test_what_the_ledger_has_of_some_lead_is_recorded() -> None:
    own = Definition(leads=LeadMapping(id="i", outcome="o"))
    nothing = {column: [None, None] for column in LEDGER_MAPPING.named_columns.values()}
    leads = pd.DataFrame(nothing | {"followed_up_at": [None, "2026-01-01T00:00:00Z"]})
    found = ledger_definition(own, leads).leads
    assert found.followed_up_at == "followed_up_at"
    assert found.margin_amount is None


def test_a_lead_with_scores_in_the_shadow_alone_is_no_row(ledger: Ledger) -> None:
    made = {"probability": 0.5, "shadow": True}
    given = {"probability": 0.4, "reasons": [{"note": "shadow", "shadow": True}]}
    ledger.record(
        [
            Event(event="scored", lead="L1", happened_at=START, idempotency_key="a", detail=made),
            Event(event="scored", lead="L2", happened_at=START, idempotency_key="b", detail=given),
            Event(event="scored", lead="L2", happened_at=START, idempotency_key="c", detail=made),
        ]
    )
    table = ledger_leads(ledger)
    assert table["lead"].tolist() == ["L2"]
    assert table["probability"].tolist() == [0.4]
    counts = ledger.counts()
    assert counts["events"] == 3
