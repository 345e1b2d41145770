"""`leadml recalibrate`: level and slope of a version from newer outcomes, without retraining."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from leadml.data.values import MICROSECONDS_A_DAY
from leadml.domain.finding import ExcludedRows, Finding
from leadml.errors import DataError, ModelError, TooFewOutcomes
from leadml.evaluation.challenge import account_numbers
from leadml.evaluation.threshold import Threshold
from leadml.model.bundle import champion_bundle, read_aliases
from leadml.model.recalibration import Refresh, refresh
from leadml.settings import Settings, load_settings
from leadml.workflows.material import gather
from leadml.workflows.models import give_alias
from leadml.workflows.new_leads import NewLeads, labelled
from leadml.workflows.recalibrated import register, threshold_of
from leadml.workflows.registry import refuse_foreign
from leadml.workflows.score import Scorer

if TYPE_CHECKING:
    from leadml.workflows.material import Source

FEWEST_OF_EACH = 20
"""Fewest won and fewest not-won leads that a line is fitted on."""
BEYOND_DOUBT = 3.0
"""Standard errors by which the level of all new leads must be off to be refreshed on that alone."""
FEWEST_IN_HALF = 10
"""Fewest of each in the older and in the newer half."""

Progress = Callable[[str, float], None]
Numbers = NDArray[np.float64]
Outcomes = NDArray[np.int8]


@dataclass(frozen=True)
class Check:
    """The refreshed line, fitted on the older half of the leads, against the present one.

    Attributes
    ----------
    leads, won : int
        Of the newer half, on which both were measured.
    present, refreshed : float
        Log loss.
    error : float
        Standard error of their paired difference; leads of one account count as one.
    gap_days : float
        Days before the newer half within which outcomes were not used for the line: the horizon,
        as in service the newest leads have no outcome yet; less where too few would be left.
    """

    leads: int
    won: int
    present: float
    refreshed: float
    error: float
    gap_days: float = 0.0

    @property
    def gain(self) -> float:
        """How much lower the refreshed line's log loss is."""
        return self.present - self.refreshed

    @property
    def won_by_refreshed(self) -> bool:
        """Whether it is lower by at least one standard error."""
        return self.gain > 0 and self.gain >= self.error

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON-ready form."""
        return asdict(self) | {"gain": self.gain}


@dataclass(frozen=True)
class Recalibration:
    """What newer outcomes say of a version's level and slope, and what came of it.

    Attributes
    ----------
    recalibrated_from : str
        The version that was looked at.
    why : str
    leads, won : int
        New leads with an outcome.
    refresh : Refresh
        Fitted on all of them.
    check : Check
    excluded_rows : list of ExcludedRows
    findings : tuple of Finding
    version, alias, bundle, threshold
        Of the new version; None where the present line stands.
    """

    recalibrated_from: str
    why: str
    leads: int
    won: int
    refresh: Refresh
    check: Check
    excluded_rows: list[ExcludedRows]
    findings: tuple[Finding, ...]
    version: str | None = None
    alias: str | None = None
    bundle: Path | None = None
    threshold: Threshold | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON-ready form."""
        return {
            "recalibrated_from": self.recalibrated_from,
            "version": self.version,
            "alias": self.alias,
            "bundle": None if self.bundle is None else str(self.bundle),
            "why": self.why,
            "leads": self.leads,
            "won": self.won,
            "line": self.refresh.line.to_dict(),
            "shift": self.refresh.shift,
            "observed_shift": self.refresh.observed_shift,
            "error": self.refresh.error,
            "level_only": self.refresh.level_only,
            "check": self.check.to_dict(),
            "threshold": None if self.threshold is None else self.threshold.to_dict(),
            "excluded_rows": [vars(rows) for rows in self.excluded_rows],
            "findings": [finding.to_dict() for finding in self.findings],
        }


def recalibrate(
    leads: "Source",
    *,
    activities: "Source | None" = None,
    history: "Source | None" = None,
    config: Path | str | Settings | None = None,
    model: str = "champion",
    as_of: str | datetime | None = None,
    table: str | None = None,
    progress: Progress = lambda _step, _share: None,
) -> Recalibration:
    """Refresh level and slope of a version from outcomes it has not learnt from.

    The line is fitted on the older half of the leads and must beat the present one on the newer
    half; else the present one stands and nothing is registered. A line that wins is fitted again
    on all of them and sealed as a new version: champion if the version it was made from is, else
    challenger.

    Parameters
    ----------
    leads, activities, history : str, Path or pandas.DataFrame
        Export with newer outcomes, its activities and the changes of its attributes; a SQL URL
        needs `table`.
    config : path or Settings, optional
        Default ``./leadml.toml``.
    model : str
        ``champion``, ``challenger`` or a version number.
    as_of : str or datetime, optional
        What counts as now; default the latest mapped time.
    progress : callable
        Told what is being done and the share done.

    Raises
    ------
    LeadmlError
        If there is no such version, the agreement has changed since it was trained, the export
        lacks what the model reads, too few outcomes are new, or MLflow refuses.
    """
    settings = load_settings(config)
    scorer = Scorer.load(champion_bundle(settings.models, model))
    _refuse_other_agreement(scorer, settings)
    refuse_foreign(settings)
    progress("reading", 0.0)
    material = gather(
        leads,
        definition=settings.definition,
        root=settings.root,
        activities=activities,
        history=history,
        table=table,
        as_of=as_of,
        labelled=True,
        to_learn=True,
    )
    new = labelled(material, material.judge(settings), scorer)
    _refuse_incomplete(new)
    progress("comparing", 0.5)
    present, y = _in_order(new)
    _refuse_too_few(y, new)
    check = check_line(present, y, _lag(new))
    found = refresh(present, y)
    stands = Recalibration(
        recalibrated_from=scorer.version,
        why=f"the present line of version {scorer.version} stands: {_figures(check)}",
        leads=len(y),
        won=int(y.sum()),
        refresh=found,
        check=check,
        excluded_rows=new.all_excluded,
        findings=(*material.leads.findings, *new.judged.notes),
    )
    if not (check.won_by_refreshed or _plainly_off(found, check)):
        return stands
    progress("registering", 0.7)
    return _registered(stands, new, settings)


def _plainly_off(found: Refresh, check: Check) -> bool:
    """Tell whether the level is off beyond doubt and the check does not speak against the line.

    With a horizon between the halves the check's own line rests on few outcomes: it can fail to
    show what all new outcomes together leave no doubt about.
    """
    beyond_doubt = abs(found.observed_shift) >= BEYOND_DOUBT * found.error
    return beyond_doubt and check.gain > -check.error


def _registered(stands: Recalibration, new: NewLeads, settings: Settings) -> Recalibration:
    found, check = stands.refresh, stands.check
    threshold = threshold_of(new, found, settings)
    version, bundle = register(new, found, threshold, check.to_dict(), settings)
    alias, why = _alias(new.scorer, settings, check)
    give_alias(settings, alias, version)
    return replace(
        stands, why=why, version=version, alias=alias, bundle=bundle, threshold=threshold
    )


def _refuse_other_agreement(scorer: Scorer, settings: Settings) -> None:
    if scorer.manifest["agreement_hash"] == settings.definition.agreement.hash():
        return
    msg = (
        f"the agreement in {settings.path or 'leadml.toml'} is not the one version "
        f"{scorer.version} was trained under, so its outcomes are others: train again with "
        "`leadml train`"
    )
    raise ModelError(msg)


def _refuse_incomplete(new: NewLeads) -> None:
    """Refuse an export without what the model reads: its line would be fitted to the gap."""
    features, leads = new.scorer.bundle.features, new.material.leads
    absent = sorted(set(features.columns) - set(leads.columns))
    if absent:
        msg = (
            f"{leads.source}: expected the columns the model reads, found no {', '.join(absent)}; "
            "put them back into the export, or train again without them"
        )
        raise DataError(msg)
    if features.reads_activities and new.material.activities is None:
        msg = (
            f"version {new.scorer.version} reads activities and none were given: name the file "
            "with --activities"
        )
        raise DataError(msg)


def _in_order(new: NewLeads) -> tuple[Numbers, Outcomes]:
    """Return present log-odds and outcomes, oldest first; undated leads in a random order."""
    rows = new.scored
    if not new.judged.dated:
        rows = np.random.default_rng(0).permutation(rows)
    return new.scores.log_odds[rows], new.judged.label[new.rows[rows]]


@dataclass(frozen=True)
class Lag:
    """What tells which older outcomes were known when the newer half began.

    Attributes
    ----------
    at : int64 array, shape (leads,), or None
        Microseconds, ascending; when each lead is judged. None where undated.
    gap_days : float
        The horizon; 0 where closing times are not mapped.
    accounts : int array, shape (leads,), or None
        Leads with the same number belong to one account.
    """

    at: NDArray[np.int64] | None = None
    gap_days: float = 0.0
    accounts: NDArray[np.intp] | None = None


def _lag(new: NewLeads) -> Lag:
    if not new.judged.dated:
        return Lag()
    mapping = new.material.leads.mapping
    named = new.material.leads.texts("account")
    accounts = None if named is None else account_numbers(named[new.rows[new.scored]])
    gap = new.scorer.definition.agreement.horizon_days if "closed_at" in mapping.times else 0.0
    return Lag(new.as_of[new.scored], gap, accounts)


def check_line(present: Numbers, y: Outcomes, lag: Lag | None = None) -> Check:
    """Fit the line on the older half and measure it on the newer; leads come oldest first.

    Parameters
    ----------
    present : float array, shape (leads,)
        Log-odds of the version as it is.
    y : int array, shape (leads,)
    lag : Lag, optional
        Of the older half only what was known when the newer began is used. The gap is halved, and
        halved again, where that leaves fewer than `FEWEST_IN_HALF` of either outcome.
    """
    lag = lag or Lag()
    newer = _halves(y)[1]
    older, gap = _known(y, lag)
    line = refresh(present[older], y[older]).line
    before = _losses(present[newer], y[newer])
    after = _losses(line.apply(present[newer]), y[newer])
    error = _error(before - after, None if lag.accounts is None else lag.accounts[newer])
    return Check(
        len(before), int(y[newer].sum()), float(before.mean()), float(after.mean()), error, gap
    )


def _known(y: Outcomes, lag: Lag) -> tuple[slice, float]:
    """Return the leads of the older half that the line is fitted on, and the gap in days."""
    half = _halves(y)[0]
    if lag.at is None:
        return half, 0.0
    for gap in (lag.gap_days, lag.gap_days / 2, lag.gap_days / 4):
        limit = lag.at[half.stop] - round(gap * MICROSECONDS_A_DAY)
        known = slice(0, min(half.stop, int(np.searchsorted(lag.at, limit, side="right"))))
        won, leads = int(y[known].sum()), known.stop
        if gap and min(won, leads - won) >= FEWEST_IN_HALF:
            return known, gap
    return half, 0.0


def _error(gain: Numbers, accounts: NDArray[np.intp] | None) -> float:
    """Return the standard error of a mean gain, accounts drawn as a whole (Liang & Zeger 1986)."""
    off = gain - gain.mean()
    sums = off if accounts is None else np.bincount(accounts, weights=off)
    drawn = len(gain) if accounts is None else len(np.unique(accounts))
    return float(np.sqrt((sums**2).sum() * drawn / max(drawn - 1, 1)) / len(gain))


def _losses(log_odds: Numbers, y: Outcomes) -> Numbers:
    losses: Numbers = np.logaddexp(0, log_odds) - y * log_odds
    return losses


def _halves(y: Outcomes) -> tuple[slice, slice]:
    return slice(0, len(y) // 2), slice(len(y) // 2, None)


def _refuse_too_few(y: Outcomes, new: NewLeads) -> None:
    won, lost = int(y.sum()), int((1 - y).sum())
    in_half = min(int(min(y[half].sum(), (1 - y[half]).sum())) for half in _halves(y))
    if min(won, lost) >= FEWEST_OF_EACH and in_half >= FEWEST_IN_HALF:
        return
    reasons = "; ".join(f"{row.count}: {row.reason}" for row in new.all_excluded)
    left_out = f" Left out: {reasons}." if reasons else ""
    msg = (
        f"too few new outcomes in {new.material.leads.source} to recalibrate version "
        f"{new.scorer.version}: {won} sales-ready and {lost} not; at least {FEWEST_OF_EACH} of "
        f"each are needed, {FEWEST_IN_HALF} of each in the older and in the newer half.{left_out} "
        "Try again when more leads have matured"
    )
    raise TooFewOutcomes(msg)


def _figures(check: Check) -> str:
    return (
        f"on the newer half ({check.leads} leads, {check.won} won) log loss is "
        f"{check.refreshed:.4f} with the line of the older half, {check.present:.4f} with the "
        f"present one (standard error of the difference {check.error:.4f})"
    )


def _alias(scorer: Scorer, settings: Settings, check: Check) -> tuple[str, str]:
    serving = read_aliases(settings.models).get("champion", {}).get("version")
    if serving == scorer.version:
        verb = "beaten" if check.won_by_refreshed else "plainly off its level"
        return "champion", f"version {scorer.version} served and is {verb}: {_figures(check)}"
    verb = "better than" if check.won_by_refreshed else "refreshes the level of"
    why = f"{verb} version {scorer.version}, which does not serve: {_figures(check)}"
    return "challenger", why
