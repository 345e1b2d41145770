"""The verdict on hand-offs that may be looked at as often as one likes, from an export's leads."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadml.domain.agreement import Agreement
from leadml.errors import ConfigError
from leadml.evaluation.entering import HandedOff, pace
from leadml.evaluation.standing import standing
from leadml.snapshot.labels import Judged
from leadml.workflows.material import Material

Flags = NDArray[np.bool_]
Moments = NDArray[np.datetime64]
TIME = "datetime64[us]"
AGREEMENT_HASH = "agreement_hash"
"""The ledger's column of the agreement that a lead was handed off under."""


def standing_of(
    material: Material,
    judged: Judged,
    agreement: Agreement,
    *,
    counted: Flags,
    ever: Flags,
    since: np.datetime64 | None = None,
) -> dict[str, Any]:
    """Return report.json's ``sequence``: where the promise stands; see `standing`.

    Parameters
    ----------
    counted : bool array, shape (leads,)
        Hand-offs since the agreement took effect, explored ones left out.
    ever : bool array, shape (leads,)
        Those from before it among them: how many are handed off a year.
    since : datetime64, optional
        When the agreement took effect, UTC.

    Raises
    ------
    ConfigError
        If the agreement counts accounts and none is mapped.
    """
    now = (np.datetime64("9999-01-01") if material.now is None else material.now).astype(TIME)
    leads = _handed_off(material, judged, agreement, now)
    others = _other_agreements(material, agreement, counted)
    found = standing(
        leads.take(counted),
        agreement,
        now=now,
        since=since,
        handed_off_a_year=pace(leads.take(ever), agreement, now=now),
    )
    return found.to_dict() | {"other_agreement": others}


def _handed_off(
    material: Material, judged: Judged, agreement: Agreement, now: np.datetime64
) -> HandedOff:
    leads = material.leads
    account = np.full(len(leads), -1, np.intp)
    if agreement.unit == "account":
        account = _accounts(material)
    touched_at = _moments(material, "followed_up_at")
    touched_at[touched_at > now] = np.datetime64("NaT")
    recorded = ~np.isnat(touched_at) | (not judged.follow_up_recorded)
    proven = judged.followed_up & ~recorded
    return HandedOff(
        at=_moments(material, "handed_off_at"),
        followed_up=judged.followed_up & recorded,
        touched_at=touched_at,
        sold=proven | judged.won_at_any_margin | judged.won_ever,
        won=judged.won,
        closed_at=judged.closed.view(TIME),
        recorded_at=_moments(material, "outcome_recorded_at"),
        account=account,
    )


def _other_agreements(material: Material, agreement: Agreement, counted: Flags) -> int | None:
    """Count hand-offs since the start that were made under another wording; None where not kept."""
    if AGREEMENT_HASH not in material.leads.frame.columns:
        return None
    hashes = material.leads.frame[AGREEMENT_HASH].to_numpy(object)[counted]
    return sum(isinstance(one, str) and one not in {"", agreement.hash()} for one in hashes)


def _accounts(material: Material) -> NDArray[np.intp]:
    if material.accounts is None:
        msg = (
            '[sales_ready].unit is "account", but no account is known: name the company\'s column '
            'in [leads].account, or count leads (unit = "lead")'
        )
        raise ConfigError(msg)
    return material.accounts.of


def _moments(material: Material, role: str) -> Moments:
    found = material.leads.times.get(role)
    if found is None:
        return np.full(len(material.leads), np.datetime64("NaT"), TIME)
    return found.astype(TIME, copy=True)
