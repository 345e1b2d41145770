"""The verdict on hand-offs that may be looked at as often as one likes, from an export's leads."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadml.data.values import MICROSECONDS_A_DAY
from leadml.domain.agreement import Agreement
from leadml.errors import ConfigError
from leadml.evaluation.entering import HandedOff, pace, waiting_days
from leadml.evaluation.standing import standing
from leadml.snapshot.labels import Judged
from leadml.workflows.material import Material

Flags = NDArray[np.bool_]
Moments = NDArray[np.datetime64]
TIME = "datetime64[us]"
AGREEMENT_HASH = "agreement_hash"
"""The ledger's column of the agreement that a lead was handed off under."""
RECORDED, MOVED, KNOWN = "handed_off_recorded_at", "handed_off_moved", "outcome_known_at"
"""The ledger's columns of when it was told of hand-off and outcome."""


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
        handed_off_a_year=pace(leads.take(ever), agreement, now=now, since=since),
        follow_up_recorded=judged.follow_up_recorded,
    )
    late = _handed_off_late(material, agreement, counted, now)
    return found.to_dict() | {"other_agreement": others, "handed_off_late": late}


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
    return HandedOff(
        at=_moments(material, "handed_off_at"),
        followed_up=judged.followed_up & recorded,
        touched_at=touched_at,
        sold=judged.won_at_any_margin,
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


def _handed_off_late(
    material: Material, agreement: Agreement, counted: Flags, now: np.datetime64
) -> int:
    """Count hand-offs written down when their end was known: after they entered, or had closed.

    Only those since the first recorded one, so that a history imported at once is not late; one
    that was moved in time is, whenever its lead had entered. An export does not know.
    """
    frame = material.leads.frame
    if not {RECORDED, MOVED, KNOWN} <= set(frame.columns):
        return 0
    at = _moments(material, "handed_off_at")
    enters = at + np.timedelta64(round(waiting_days(agreement) * MICROSECONDS_A_DAY), "us")
    recorded, known = (_told(frame, name) for name in (RECORDED, KNOWN))
    rows = counted & (enters <= now) & ~np.isnat(recorded)
    if not rows.any():
        return 0
    first, moved = recorded[rows].min(), frame[MOVED].fillna(False).to_numpy(bool)
    entered = (recorded > enters) & (moved | (enters >= first))
    closed = (recorded > known) & (moved | (known >= first))
    return int((rows & (entered | closed)).sum())


def _told(frame: Any, name: str) -> Moments:
    """Read a column of the ledger's table that no mapping names: ISO 8601 in UTC."""
    texts = [str(text)[:-1] if isinstance(text, str) else "NaT" for text in frame[name].tolist()]
    return np.array(texts, TIME)


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
