"""What a sync came to: every lead counted once, what went wrong by name."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from leadml.domain.event import KINDS

MOST_PROBLEMS = 1_000
"""Problems that are named; all are counted."""


@dataclass(frozen=True)
class Problem:
    """What went wrong with one lead.

    Attributes
    ----------
    lead : str
        The CRM's name of it.
    code : str
        See docs/codes.md.
    problem : str
    """

    lead: str
    code: str
    problem: str


@dataclass
class Synced:
    """What a sync came to.

    Every lead read counts once among `closed`, `unchanged`, `scored`, `forgotten` and `unusable`;
    every one scored once among `written`, `moved` and `refused` (in a dry run in none of them).

    Attributes
    ----------
    crm, of : str
        Kind of CRM, and which one.
    version : str
        Which version scored.
    since : datetime or None
        Leads changed at this time or later were read; None: all.
    resumed : bool
        Whether it went on where an earlier one was stopped.
    dry_run : bool
        Whether nothing was written anywhere.
    pages, read : int
        Leads read, and in how many parts.
    closed : int
        Won, lost, or in a state in which the CRM takes no score.
    unchanged : int
        What the score stands on is the same as when it was written.
    scored : int
    recorded : int
        Scores that were new to the ledger.
    written : int
        Scores that stand in the CRM now.
    moved : int
        Changed by somebody else since they were read: the next sync reads them again.
    forgotten : int
        Erased on request: neither scored nor kept.
    unusable : int
        Could not be scored.
    refused : int
        Scores the CRM did not take.
    by_event : dict of str to int
        Events recorded by kind, scores left out.
    problems : list of Problem
        The first `MOST_PROBLEMS`.
    failed : int
        How many there are.
    warnings : list of str
    """

    crm: str
    of: str
    version: str
    since: datetime | None
    resumed: bool
    dry_run: bool
    pages: int = 0
    read: int = 0
    closed: int = 0
    unchanged: int = 0
    scored: int = 0
    recorded: int = 0
    written: int = 0
    moved: int = 0
    forgotten: int = 0
    unusable: int = 0
    refused: int = 0
    by_event: dict[str, int] = field(
        default_factory=lambda: {kind: 0 for kind in KINDS if kind != "scored"}
    )
    problems: list[Problem] = field(default_factory=list)
    failed: int = 0
    warnings: list[str] = field(default_factory=list)

    @property
    def outcomes(self) -> int:
        """Wins and losses that were new to the ledger."""
        return self.by_event["won"] + self.by_event["lost"]

    def fail(self, lead: str, code: str, problem: str) -> None:
        """Count what went wrong with a lead."""
        self.failed += 1
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(Problem(lead, code, problem))

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON-ready form."""
        return {
            **vars(self),
            "since": None if self.since is None else self.since.isoformat(),
            "outcomes": self.outcomes,
            "by_event": dict(self.by_event),
            "problems": [vars(problem) for problem in self.problems],
            "warnings": list(self.warnings),
        }
