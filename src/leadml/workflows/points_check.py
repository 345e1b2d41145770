"""`leadml points check`: what the data support for every rule of the points table."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from leadml.domain.finding import Finding
from leadml.domain.points_table import PointsTable
from leadml.evaluation.points_evidence import Evidence, evidence_of
from leadml.evaluation.points_verdict import RuleVerdict, verdicts
from leadml.settings import Settings, load_settings
from leadml.workflows.firing import Fired, fired_on

if TYPE_CHECKING:
    from leadml.workflows.material import Source

Progress = Callable[[str, float], None]

NOTE = (
    "An association, not a cause: what leads with the rule did more or less often than leads alike "
    "in all other rules, under the present hand-off and follow-up."
)


@dataclass(frozen=True, kw_only=True)
class PointsCheck:
    """What the data say of a points table.

    Attributes
    ----------
    leads, won, accounts : int
        Matured leads with an outcome, sales-ready ones, and accounts (leads where unknown).
    confidence : float
        With which all intervals hold together.
    unit : dict
        ``log_odds_per_point``, ``low``, ``high`` (None where a convention), ``basis`` and
        ``odds_of_10_points``, the factor on the odds of a win.
    rules : tuple of RuleVerdict
        In the order of the table.
    groups : tuple of str
        The rules' groups.
    findings : tuple of Finding
    """

    leads: int
    won: int
    accounts: int
    confidence: float
    unit: dict[str, Any]
    rules: tuple[RuleVerdict, ...]
    groups: tuple[str, ...]
    findings: tuple[Finding, ...]

    @property
    def sentence(self) -> str:
        """The table's verdict in a sentence."""
        return summary_of(self.rules)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON-ready form."""
        return {
            "leads": self.leads,
            "won": self.won,
            "accounts": self.accounts,
            "confidence": self.confidence,
            "sentence": self.sentence,
            "note": NOTE,
            "unit": self.unit,
            "rules": [
                rule_row(rule, group) for rule, group in zip(self.rules, self.groups, strict=True)
            ],
            "findings": [finding.to_dict() for finding in self.findings],
        }


def check_points(
    leads: "Source",
    *,
    activities: "Source | None" = None,
    history: "Source | None" = None,
    config: Path | str | Settings | None = None,
    table: str | None = None,
    as_of: str | datetime | None = None,
    seed: int = 0,
    progress: Progress = lambda _step, _share: None,
) -> PointsCheck:
    """Hold every rule of the points table against the outcomes of past leads.

    Parameters
    ----------
    leads, activities, history : str, Path or pandas.DataFrame
        Export with outcomes, its activities and the changes of its attributes; a SQL URL needs
        `table`.
    config : path or Settings, optional
        Default ``./leadml.toml``.
    as_of : str or datetime, optional
        What counts as now; default the latest mapped time.
    seed : int
        Of the resamples.
    progress : callable
        Told what is being done and the share done.

    Raises
    ------
    LeadmlError
        If there are no rules, the export cannot be used or holds too few outcomes.
    """
    settings = load_settings(config)
    progress("reading", 0.0)
    fired = fired_on(
        leads,
        settings=settings,
        activities=activities,
        history=history,
        table=table,
        as_of=as_of,
    )
    progress("fitting the rules", 0.5)
    result = checked(fired, settings, seed)[0]
    progress("done", 1.0)
    return result


def checked(fired: Fired, settings: Settings, seed: int) -> tuple[PointsCheck, Evidence | None]:
    """Judge the rules on leads at hand; no evidence where no rule tells leads apart."""
    firing, table = fired.firing, settings.definition.points
    confidence = settings.definition.agreement.confidence
    evidence = None
    if firing.fitted.any():
        evidence = evidence_of(firing, confidence=confidence, seed=seed)
    result = PointsCheck(
        leads=len(firing.won),
        won=int(firing.won.sum()),
        accounts=len(np.unique(firing.accounts)),
        confidence=confidence,
        unit=_unit(evidence),
        rules=tuple(verdicts(firing, evidence)),
        groups=groups_of(table),
        findings=(*fired.findings, *_weak(evidence)),
    )
    return result, evidence


def groups_of(table: PointsTable) -> tuple[str, ...]:
    """Return the group of every rule."""
    return tuple(rule.group for rule in table.rules)


def _unit(evidence: Evidence | None) -> dict[str, Any]:
    unit = None if evidence is None else evidence.worth.unit
    return {
        "log_odds_per_point": unit,
        "low": None if evidence is None else evidence.unit_low,
        "high": None if evidence is None else evidence.unit_high,
        "basis": None if evidence is None else evidence.worth.basis,
        "odds_of_10_points": None if unit is None else float(np.exp(10 * unit)),
    }


def _weak(evidence: Evidence | None) -> list[Finding]:
    if evidence is None or evidence.worth.basis == "rules":
        return []
    text = (
        "the rules do not agree clearly enough on how much a point goes with winning, so there is "
        "no unit to read from them: the points supported have the spread of today's table instead"
    )
    return [Finding("POINT006", "warning", None, int(evidence.judged.sum()), text)]


def rule_row(rule: RuleVerdict, group: str) -> dict[str, Any]:
    """Return one rule as JSON-ready values."""
    return {
        "rule": rule.rule,
        "group": group,
        "points": rule.points,
        "fires": rule.fires,
        "fired_won": rule.fired_won,
        "close_rate": rule.close_rate,
        "supported": rule.supported,
        "low": rule.low,
        "high": rule.high,
        "verdict": rule.verdict,
        "with": rule.partner,
    }


_WRONG = {
    "too high": (
        "gives more points than the data support",
        "give more points than the data support",
    ),
    "too low": ("gives fewer points than they support", "give fewer points than they support"),
    "wrong sign": ("points the wrong way", "point the wrong way"),
    "double-counts": ("double-counts with another", "double-count with another"),
    "never fires": ("never fires", "never fire"),
}
_REST = {
    "about right": ("is about right", "are about right"),
    "too few to say": ("has too few leads to say", "have too few leads to say"),
}


def summary_of(rules: Sequence[RuleVerdict]) -> str:
    """Say in a sentence how many rules are how.

    Examples
    --------
    >>> from dataclasses import replace
    >>> one = RuleVerdict(
    ...     rule="a",
    ...     points=5,
    ...     fires=0,
    ...     fired_won=0,
    ...     close_rate=None,
    ...     supported=None,
    ...     low=None,
    ...     high=None,
    ...     verdict="never fires",
    ...     partner=None,
    ... )
    >>> summary_of([one, one, replace(one, verdict="about right")])
    'Of 3 rules, 2 never fire; 1 is about right.'
    """
    counts = Counter("double-counts" if rule.partner else rule.verdict for rule in rules)
    wrong, rest = _counted(counts, _WRONG), _counted(counts, _REST)
    said = _listed(wrong) if wrong else "none is called wrong"
    also = f"; {_listed(rest)}" if rest else ""
    return f"Of {len(rules)} rule{'s' * (len(rules) != 1)}, {said}{also}."


def _counted(counts: Counter[str], phrases: dict[str, tuple[str, str]]) -> list[str]:
    return [
        f"{counts[verdict]} {words[counts[verdict] > 1]}"
        for verdict, words in phrases.items()
        if counts[verdict]
    ]


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
