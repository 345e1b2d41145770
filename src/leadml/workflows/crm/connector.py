"""What a CRM's connector does: read leads that have changed, write scores back.

To wire another CRM, write one class with the four members of `Connector` and hand it to
`leadml.workflows.crm.sync.sync`; docs/crm.md has one in full. A connector neither scores nor keeps
anything: which leads are due, what is recorded, waiting and resuming are the sync's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol

Value = str | int | float | bool | datetime | None
"""What a column may hold, a `datetime.date` besides; naive times are read in `[leads] timezone`."""


@dataclass(frozen=True, kw_only=True)
class CrmLead:
    """One lead as the CRM has it now.

    Attributes
    ----------
    key : str
        The CRM's own name of the record, for messages and for writing to it.
    columns : mapping of str to value
        Under the names that ``[leads]`` and the model use: whoever was lost or won stands in the
        column of ``[leads] outcome``, hand-off and closing times and the owner in theirs.
    activities : sequence of mapping, or None
        In the columns of ``[activities]``, without the lead; None: the CRM does not tell.
    mark : str or None
        What was written with the lead's last score (`CrmScore.mark`); None without one.
    wants_score : bool
        Whether the CRM lets a score be written to this record now.
    token : object
        Anything the connector wants to see again in `CrmScore.lead`, such as a version of the
        record, by which it notices that somebody else has changed it since.
    """

    key: str
    columns: Mapping[str, Any]
    activities: Sequence[Mapping[str, object]] | None = None
    mark: str | None = None
    wants_score: bool = True
    token: object = None


@dataclass(frozen=True, kw_only=True)
class Page:
    """Some leads, and where the next ones begin.

    Attributes
    ----------
    leads : sequence of CrmLead
    after : str or None
        Given back to `Connector.page` for the next page; None at the end.
    left : int or None
        How many leads come after this page, where the CRM says so: for the progress bar.
    """

    leads: Sequence[CrmLead]
    after: str | None
    left: int | None = None


@dataclass(frozen=True, kw_only=True)
class CrmScore:
    """A score to be written to one lead.

    Attributes
    ----------
    lead : CrmLead
        As it was read.
    answer : mapping
        Every field of `leadml.workflows.score.Answer`.
    text : str
        Score and reasons in words, a line each.
    mark : str
        To be kept with the score and given back as `CrmLead.mark`: 16 hexadecimal digits.
    """

    lead: CrmLead
    answer: Mapping[str, Any]
    text: str
    mark: str


@dataclass(frozen=True, kw_only=True)
class Written:
    """What became of one score.

    Attributes
    ----------
    state : {"written", "moved", "refused"}
        ``moved``: somebody changed the lead since it was read, so that nothing was written; the
        next sync reads it again.
    problem : str
        Why it was refused; else empty.
    """

    state: Literal["written", "moved", "refused"]
    problem: str = ""


class Connector(Protocol):
    """One CRM.

    Every call may raise `leadml.errors.CrmBusy`, with the seconds the CRM asks to wait, and is then
    made again; `leadml.errors.CrmError` ends the sync.

    Attributes
    ----------
    name : str
        Short, such as ``tryton``: the file in which a sync keeps its place is called so.
    of : str
        Which one: two databases of one kind of CRM keep their places apart by it.
    overlap : timedelta
        How much of the time before the last sync is read again.
    """

    name: str
    of: str
    overlap: timedelta

    def page(self, since: datetime | None, after: str | None) -> Page:
        """Return leads created or changed at `since` (aware; None: ever) or later.

        They come in an order that changes do not disturb, such as that of their ids, from `after`
        on (None: from the start): a lead that is changed meanwhile may come or not, for the next
        sync reads it anyway.
        """

    def write(self, scores: Sequence[CrmScore]) -> Sequence[Written]:
        """Write scores, at most 50, and say of each what became of it.

        The same again, after an answer that was lost, changes nothing.
        """
