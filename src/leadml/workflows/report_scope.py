"""Which leads a report is about: handed off under the agreement or in a window, matured or not."""

from dataclasses import dataclass
from datetime import datetime, time
from functools import cached_property
from typing import Any, Literal
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leadml.data.values import MICROSECONDS_A_DAY, NO_TIME
from leadml.domain.agreement import Agreement
from leadml.errors import ConfigError
from leadml.evaluation.entering import waiting_days
from leadml.evaluation.follow_up import Handoffs
from leadml.evaluation.pool import first_of_each
from leadml.model.bundle import id_hashes
from leadml.settings import Settings
from leadml.snapshot.labels import UNUSABLE, Judged
from leadml.workflows.material import Material, read_as_of
from leadml.workflows.score import iso

Flags = NDArray[np.bool_]
Moments = NDArray[np.int64]
Texts = NDArray[np.object_]

FOREVER = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Window:
    """Hand-offs of a time, for a description: never for a verdict.

    Attributes
    ----------
    since, until : int or None
        Microseconds UTC; `since` included, `until` not, so that windows that meet share no lead.
    """

    since: int | None
    until: int | None

    def holds(self, moments: Moments) -> Flags:
        """Tell which moments lie in it."""
        inside: Flags = moments != NO_TIME
        if self.since is not None:
            inside = inside & (moments >= self.since)
        return inside if self.until is None else inside & (moments < self.until)

    def to_dict(self) -> dict[str, str | None]:
        """Return the JSON-ready form."""
        return {
            "since": None if self.since is None else iso(self.since),
            "until": None if self.until is None else iso(self.until),
        }


def window_of(
    since: str | datetime | None, until: str | datetime | None, timezone: str
) -> Window | None:
    """Read ``--since`` and ``--until``: ISO dates (00:00 in the zone) or times; None without.

    Raises
    ------
    ConfigError
        If one is neither, or nothing lies between them.
    """
    if since is None and until is None:
        return None
    ends = [
        None if (read := read_as_of(end, timezone, option)) is None else _microseconds(read)
        for end, option in ((since, "--since"), (until, "--until"))
    ]
    if ends[0] is not None and ends[1] is not None and ends[0] >= ends[1]:
        msg = (
            f"--since {since} does not lie before --until {until}: hand-offs count from --since on "
            "up to, but not including, --until"
        )
        raise ConfigError(msg)
    return Window(ends[0], ends[1])


def _microseconds(moment: datetime) -> int:
    return int(pd.Timestamp(moment).tz_convert("UTC").value // 1000)


@dataclass(frozen=True)
class Scope:
    """The leads of a report; arrays of shape (leads,).

    Attributes
    ----------
    material : Material
    judged : Judged
    settings : Settings
        Of the definition the leads were read under.
    window : Window or None
        None where the report is of all hand-offs since the agreement took effect.
    origin : {"ledger", "export"}
        Where the leads come from; the ledger knows what was served when.
    """

    material: Material
    judged: Judged
    settings: Settings
    window: Window | None
    origin: Literal["ledger", "export"]

    @property
    def agreement(self) -> Agreement:
        """What the leads are held against."""
        return self.settings.definition.agreement

    @property
    def timezone(self) -> str:
        """The configured zone."""
        return self.material.leads.mapping.timezone

    @property
    def now(self) -> int:
        """What counts as now, microseconds; the end of time where nothing is dated."""
        now = self.material.now_microseconds
        return FOREVER if now is None else now

    @cached_property
    def handed_off_at(self) -> Moments:
        """When each lead was handed off; `NO_TIME` where it was not (by now)."""
        known = self.times("handed_off_at")
        return np.where(self.judged.handed_off, known, NO_TIME)

    @cached_property
    def usable(self) -> Flags:
        """Leads that can have an outcome at all."""
        return ~np.isin(self.judged.why_not.astype(str), UNUSABLE)

    @cached_property
    def explored(self) -> Flags:
        """Leads handed off at random: no promise is judged by them."""
        found = self.material.leads.exploration
        return np.zeros(len(self.usable), bool) if found is None else found.explored

    @cached_property
    def effective_from(self) -> int | None:
        """When the agreement took effect: 00:00 in the zone."""
        since = self.agreement.effective_from
        if since is None:
            return None
        return _microseconds(datetime.combine(since, time(), ZoneInfo(self.timezone)))

    @cached_property
    def span(self) -> Window:
        """From when to when hand-offs count: the window asked for, else since the agreement."""
        return self.window or Window(self.effective_from, None)

    @cached_property
    def every(self) -> Flags:
        """Hand-offs of the span, explored ones among them."""
        return self.usable & self.span.holds(self.handed_off_at)

    @cached_property
    def outside(self) -> Flags:
        """Hand-offs before or after the span."""
        return self.usable & self.judged.handed_off & ~self.span.holds(self.handed_off_at)

    @cached_property
    def counted(self) -> Flags:
        """Hand-offs of the span that were not explored."""
        return self.every & ~self.explored

    @cached_property
    def matured_any(self) -> Flags:
        """Leads handed off so long ago that their outcome and follow-up are settled."""
        return self.passed(waiting_days(self.agreement))

    @cached_property
    def matured(self) -> Flags:
        """Counted hand-offs that have matured."""
        return self.counted & self.matured_any

    @cached_property
    def agreed(self) -> Flags:
        """What the agreed close rate divides by: matured and, where it counts those, worked."""
        return self.matured & self.working

    @cached_property
    def working(self) -> Flags:
        """Leads that count under the agreement once matured."""
        if self.agreement.counts == "followed_up":
            return self.judged.followed_up
        return np.ones(len(self.usable), bool)

    @cached_property
    def accounts(self) -> NDArray[np.intp] | None:
        """Number of each lead's account; None where no account is mapped."""
        found = self.material.accounts
        if found is None:
            return None
        alone = len(found.names) + np.arange(len(found.of))  # a lead of no company is one by itself
        return np.where(found.of >= 0, found.of, alone)

    def one_a_company(self, rows: Flags, by: Texts | None = None) -> Flags:
        """Draw one of these leads of every company, by the hash of its id; all without accounts.

        Leads of one company share its fate: what takes leads as independent takes these. No outcome
        has a say in the draw.

        Parameters
        ----------
        rows : bool array, shape (leads,)
            Among which leads.
        by : object array, shape (leads,), optional
            One lead of every company for each of these.
        """
        if self.accounts is None:
            return rows
        at = np.flatnonzero(rows)
        groups = [self.accounts[at]] if by is None else [pd.factorize(by[at])[0], self.accounts[at]]
        drawn = np.zeros(len(rows), bool)
        drawn[at[first_of_each(self.lots[at], *groups)]] = True
        return drawn

    @cached_property
    def lots(self) -> NDArray[np.uint64]:
        """The hash of each lead's id: by it leads are drawn, without regard to their outcome."""
        return id_hashes(self.material.leads.lead_id)

    def passed(self, days: float) -> Flags:
        """Tell which leads were handed off at least so many days ago."""
        known: Flags = self.handed_off_at != NO_TIME
        passed: Flags = self.handed_off_at + round(days * MICROSECONDS_A_DAY) <= self.now
        return known & passed

    def times(self, role: str) -> Moments:
        """Return the mapped times of a role as known by now; all `NO_TIME` where not mapped."""
        found = self.material.leads.times.get(role)
        if found is None:
            return np.full(len(self.judged.label), NO_TIME, np.int64)
        moments = found.astype("datetime64[us]").view("i8")
        return np.where(moments <= self.now, moments, NO_TIME)

    def texts(self, role: str) -> Texts | None:
        """Return a mapped column as texts; None where it is not mapped or holds nothing at all."""
        found = self.material.leads.texts(role)
        if found is None or not any(text is not None for text in found.tolist()):
            return None
        return found

    def in_order(self, leads: Flags) -> NDArray[np.intp]:
        """Return the positions of leads in the order of their hand-offs, then of their ids.

        No figure then depends, by rounding or resampling, on how an export was sorted.
        """
        rows = np.flatnonzero(leads)
        ids = self.material.leads.lead_id[rows].astype(str)
        return rows[np.lexsort((ids, self.handed_off_at[rows]))]

    def handoffs(self, rows: Flags) -> Handoffs:
        """Return what became of some of the leads."""
        return Handoffs(
            handed_off=rows,
            matured=rows & self.matured_any,
            followed_up=self.judged.followed_up,
            won=self.judged.won,
        )

    def why_unrecorded(self, role: str) -> str | None:
        """Say why nothing is known of a role; None where something is."""
        column: Any = getattr(self.material.leads.mapping, role)
        nowhere = f"the ledger has no {role} of any lead"
        if column is None:
            return nowhere if self.origin == "ledger" else f"[leads].{role} is not mapped"
        known = (
            bool((self.times(role) != NO_TIME).any())
            if role in self.material.leads.times
            else self.texts(role) is not None
        )
        if known:
            return None
        in_column = f"no lead has a value in {column} ([leads].{role})"
        return nowhere if self.origin == "ledger" else in_column
