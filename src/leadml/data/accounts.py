"""Which leads belong to one company, and what their colleagues did."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leadml.data.activities import Activities
from leadml.data.activity_log import AccountLog, ActivityLog
from leadml.data.leads import Leads
from leadml.domain.finding import Finding

MOST_LEADS = 200
"""Most leads of a company: more share a mail provider, a partner or a placeholder."""


@dataclass(frozen=True)
class Accounts:
    """The accounts of an export.

    Attributes
    ----------
    names : list of str
        Case folded: one company is written in several ways.
    of : int array, shape (leads,)
        Position of each lead's account in `names`; -1 where unknown, or where it is no company.
    crowds : dict
        Name of an account of more than `MOST_LEADS` leads -> its leads.
    """

    names: list[str]
    of: NDArray[np.intp]
    crowds: dict[str, int]


def accounts_of(leads: Leads) -> Accounts | None:
    """Return the accounts of the leads; None where the column is not mapped or not there."""
    column = leads.mapping.account
    if column is None or column not in leads.frame.columns:
        return None
    texts = leads.texts("account")
    folded = [
        None if text is None else text.casefold() for text in ([] if texts is None else texts)
    ]
    people = dict.fromkeys(zip(folded, leads.lead_id, strict=True))  # a set has no fixed order
    everyone = [(name, lead) for name, lead in people if name]
    sizes = Counter(name for name, _ in everyone)
    crowds = {name: size for name, size in sizes.most_common() if size > MOST_LEADS}
    position = {name: place for place, name in enumerate(n for n in sizes if n not in crowds)}
    of = np.array([position.get(name or "", -1) for name in folded], np.intp)
    return Accounts(list(position), of, crowds)


def account_log(leads: Leads, activities: Activities, accounts: Accounts) -> AccountLog:
    """Return what the people of each account did, for all leads of the export.

    Activities of a lead that stands in several accounts count for the first.
    """
    contact = np.array([activities.ids.get(name, -1) for name in leads.lead_id], np.intp)
    belongs = np.full(len(activities.ids), -1, np.intp)
    known = np.flatnonzero(contact >= 0)[::-1]  # the first row is written last
    belongs[contact[known]] = accounts.of[known]
    person = np.repeat(np.arange(len(activities.ids)), np.diff(activities.starts))
    log = ActivityLog(
        person,
        activities.at,
        activities.kind,
        activities.detail,
        activities.kinds,
        activities.details,
    )
    of = belongs[person]
    return AccountLog(accounts.of, contact, accounts.names, of[of >= 0], log.keep(of >= 0))


def account_findings(leads: Leads) -> Iterator[Finding]:
    """Yield accounts of too many leads to be a company."""
    found = accounts_of(leads)
    if found is None or not found.crowds:
        return
    text = (
        f"accounts of more than {MOST_LEADS} leads are taken for mail providers or placeholders, "
        "not for companies: what others of them did is unknown; leave account empty for them"
    )
    examples = tuple(f"{name} ({size} leads)" for name, size in found.crowds.items())[:5]
    count = sum(found.crowds.values())
    yield Finding("DATA034", "info", leads.mapping.account, count, text, examples)
