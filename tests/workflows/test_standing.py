"""The verdict from an export: who counts, from when, and what cannot be counted."""

import tomllib
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from leadml.data.simulate import SimulatedCrm, simulate
from leadml.domain.agreement import Agreement
from leadml.domain.definition import Definition
from leadml.domain.mapping import LeadMapping
from leadml.errors import ConfigError
from leadml.settings import settings_from
from leadml.snapshot.labels import judge
from leadml.workflows.material import gather
from leadml.workflows.standing import standing_of

AGREED = Agreement(horizon_days=30, follow_up_days=7)
MAPPING = LeadMapping(
    id="id",
    outcome="stage",
    won=("won",),
    lost=("lost",),
    handed_off_at="handed",
    followed_up_at="touched",
    closed_at="closed",
    outcome_recorded_at="recorded",
    account="company",
)
# handed off, touched, closed, recorded, outcome, company; horizon 30 days, follow-up within 7
ROWS = [
    ("2025-12-01", "2025-12-02", "2025-12-09", "2025-12-09", "won", "Acme"),
    ("2026-01-01", "2026-01-02", "2026-01-09", "2026-01-09", "won", "Acme"),
    ("2026-01-02", "2026-01-03", "2026-01-30", "2026-02-20", "won", "Brown"),  # recorded late
    ("2026-01-03", "2026-01-20", "2026-01-30", "2026-01-30", "won", "Coal"),  # touched late
    ("2026-01-04", "2026-01-05", "2026-02-20", "2026-02-20", "won", ""),  # after the horizon
    ("2026-01-05", "2026-01-06", "2026-01-30", "2026-01-30", "lost", "ACME"),
    ("2026-02-20", "2026-02-21", "2026-02-22", "2026-02-22", "won", "Dent"),  # still maturing
]


def sequence(
    agreement: Agreement = AGREED, *, mapping: LeadMapping = MAPPING, **columns: Any
) -> dict[str, Any]:
    """Return the sequence of the rows as of 1 March, counted from 1 January."""
    names = ["handed", "touched", "closed", "recorded", "stage", "company"]
    frame = pd.DataFrame(ROWS, columns=names).assign(id=range(len(ROWS)), **columns)
    definition = Definition(leads=mapping, agreement=agreement)
    material = gather(frame, definition=definition, root=Path(), as_of="2026-03-01", labelled=True)
    judged = judge(material.leads, agreement, now=material.now)
    since = np.datetime64("2026-01-01", "us")
    counted = judged.handed_off & (material.leads.times["handed_off_at"] >= since)
    return standing_of(
        material, judged, agreement, counted=counted, ever=judged.handed_off, since=since
    )


def test_counts_by_hand() -> None:
    found = sequence()
    assert (found["handed_off"], found["matured"], found["followed_up"]) == (6, 5, 4)
    assert (found["won"], found["won_after_late_follow_up"]) == (2, 1)
    assert (found["value"], found["recorded_late"]) == (0.5, 1)
    assert [point["at"][:10] for point in found["path"]] == [
        "2026-01-31", "2026-02-01", "2026-02-03", "2026-02-04",
    ]  # fmt: skip
    assert found["maturing"]["won_so_far"] == 1
    assert found["from"].startswith("2026-01-01T00:00")


def test_a_sale_without_a_recorded_follow_up_counts_by_what_was_known_on_entering() -> None:
    # Brown's lead, handed off on 2 January, has no follow-up on record
    touched = [row[1] for row in ROWS]
    touched[2] = None
    assert sequence(touched=touched)["followed_up"] == 4  # won on 30 January: proof
    closed = [row[2] for row in ROWS]
    closed[2] = "2026-02-20"  # won after it has entered
    found = sequence(touched=touched, closed=closed)
    assert (found["followed_up"], found["won"]) == (3, 1)
    unknown = sequence(mapping=replace(MAPPING, followed_up_at=None))
    assert (unknown["followed_up"], unknown["won"]) == (5, 3)  # then every hand-off is worked


def test_the_pace_counts_hand_offs_from_before_the_agreement() -> None:
    # 7 in the 90 days from 1 December, 4 of 5 matured ones since worked
    assert sequence()["certify"][0]["units_a_year"] == pytest.approx(7 / 90 * 365 * 4 / 5)


def test_accounts_count_once_however_their_name_is_written() -> None:
    found = sequence(replace(AGREED, unit="account"))
    # Acme (twice), Brown, Coal, the one without a company, Dent
    assert (found["handed_off"], found["matured"], found["won"]) == (5, 4, 2)


def test_accounts_that_nobody_knows_cannot_be_counted() -> None:
    with pytest.raises(ConfigError, match=r'unit is "account", but no account is known: name'):
        sequence(replace(AGREED, unit="account"), mapping=replace(MAPPING, account=None))


def test_hand_offs_made_under_another_wording_are_told() -> None:
    assert sequence()["other_agreement"] is None
    # the first one was handed off before the agreement took effect
    hashes = ["f" * 64, "f" * 64, AGREED.hash(), None, "", AGREED.hash(), "e" * 64]
    assert sequence(agreement_hash=hashes)["other_agreement"] == 2


def test_without_recording_times_nothing_is_known_to_be_late() -> None:
    assert sequence(mapping=replace(MAPPING, outcome_recorded_at=None))["recorded_late"] == 0


def late(
    recorded: list[str], moved: tuple[int, ...] = (), known: str = "2026-03-01T00:00:00Z"
) -> int:
    """Return how many hand-offs were recorded late; 0 is that from before the agreement."""
    columns = {
        "handed_off_recorded_at": recorded,
        "handed_off_moved": [row in moved for row in range(len(ROWS))],
        "outcome_known_at": [known] * len(ROWS),
    }
    found: int = sequence(**columns)["handed_off_late"]
    return found


def test_hand_offs_written_down_after_their_lead_had_entered_are_told() -> None:
    assert sequence()["handed_off_late"] == 0  # an export does not know
    soon = ["2026-01-10T00:00:00Z"] * len(ROWS)
    assert late(soon) == 0
    # the first two entered on 31 January and 1 February, the last one is maturing
    assert late([*soon[:1], *["2026-02-01T00:00:00Z"] * 2, *soon[3:]]) == 1
    assert late([*soon[:6], "2026-02-28T00:00:00Z"]) == 0


def test_hand_offs_written_down_when_the_ledger_knew_how_they_ended_are_told() -> None:
    recorded = ["2026-01-10T00:00:00Z", *["2026-01-20T00:00:00Z"] * 3]
    recorded += ["2026-01-21T00:00:00Z"] * 3
    assert late(recorded, known="2026-01-20T00:00:00Z") == 2  # of the matured
    # outcomes that were known before the first hand-off was recorded: a history
    assert late(recorded, known="2026-01-19T00:00:00Z") == 0


def test_a_history_of_hand_offs_imported_at_once_is_not_late_but_moving_them_is() -> None:
    recorded = ["2026-02-20T00:00:00Z"] * len(ROWS)
    assert late(recorded, known="2026-02-20T00:00:00Z") == 0
    recorded[1:3] = ["2026-02-25T00:00:00Z"] * 2
    assert late(recorded) == 0  # a second part of the history
    assert late(recorded, moved=(0, 1, 2, 6)) == 2


def looked(crm: SimulatedCrm, definition: Definition, *, at: str) -> dict[str, Any]:
    """Return where the promise stands at a moment, by what the CRM holds."""
    material = gather(crm.leads, definition=definition, root=Path(), as_of=at, labelled=True)
    judged = judge(material.leads, definition.agreement, now=material.now)
    handed_off = judged.handed_off
    return standing_of(material, judged, definition.agreement, counted=handed_off, ever=handed_off)


@pytest.mark.parametrize("unit", ["lead", "account"])
def test_what_a_look_saw_never_changes_later(unit: str, tmp_path: Path) -> None:
    """The proof needs it: what enters, and as what, is settled when it enters."""
    crm = simulate(600, seed=3, days=400, bulk_closing=0.3, account_effect=1.0)
    content = tomllib.loads(crm.definition)
    content["sales_ready"]["unit"] = unit
    definition = settings_from(content, path=tmp_path / "leadml.toml").definition
    path = looked(crm, definition, at="2025-08-05T00:00:00Z")["path"]
    assert path[-1]["units"] > 80
    for point in (path[len(path) // 4], path[len(path) // 2], path[-1]):
        then = crm.as_of(datetime.fromisoformat(point["at"]))
        seen = looked(then, definition, at=point["at"])
        assert seen["path"][-1] == point
