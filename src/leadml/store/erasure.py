"""Erasing: a person on request, and what is too old to be of use."""

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select

from leadml.domain.event import Event, Stored
from leadml.store.bulk import insert_all
from leadml.store.ledger import Ledger
from leadml.store.parts import in_parts
from leadml.store.permit import erasing
from leadml.store.recording import forgotten_hash, histories, salt_of
from leadml.store.schema import EVENTS, FORGOTTEN, OUTBOX

ERASED = "(erased)"
"""Stands where a text about a person stood, so that it still counts."""
_PSEUDONYM = "forgotten-"


@dataclass(frozen=True)
class Forgotten:
    """What erasing a person came to.

    Attributes
    ----------
    events : int
        Kept under a pseudonym, so that counts and rates stay.
    was_forgotten : bool
        Whether the lead had been erased before.
    """

    events: int
    was_forgotten: bool


def forget(ledger: Ledger, lead: str) -> Forgotten:
    """Erase a person; what they did is counted on under a name nobody can trace.

    Every event of the lead gets a random pseudonym and random keys; reasons of scores, texts,
    the right person's name, and an account that no other lead has, are taken out. A keyed hash of
    the id is kept, by which later events of the lead are refused. Messages to webhooks about the
    lead are deleted, sent or not.
    """
    with erasing(ledger, "forget") as connection:
        hashed = forgotten_hash(lead, salt_of(connection))
        known = connection.execute(
            select(FORGOTTEN.c.lead_hash).where(FORGOTTEN.c.lead_hash == hashed)
        ).first()
        if not known:
            connection.execute(
                insert(FORGOTTEN).values(lead_hash=hashed, forgotten_at=ledger.now())
            )
        connection.execute(delete(OUTBOX).where(OUTBOX.c.lead == lead))
        history = histories(connection, [lead]).get(lead, [])
        if history:
            shared = _shared_accounts(connection, lead, history)
            connection.execute(delete(EVENTS).where(EVENTS.c.lead == lead))
            insert_all(connection, _pseudonymous(history, shared))
    return Forgotten(len(history), known is not None)


def remove(ledger: Ledger, ids: Mapping[str, Collection[int]], *, mark: int) -> int:
    """Delete events of some leads, unless something was recorded of the lead in the meantime.

    Parameters
    ----------
    ids : mapping
        Lead -> numbers of its events that are to go.
    mark : int
        The ledger's when they were chosen.

    Returns
    -------
    removed : int
        How many events.
    """
    removed = 0
    with erasing(ledger, "prune") as connection:
        later = select(EVENTS.c.lead).where(EVENTS.c.id > mark).distinct()
        changed = {row[0] for row in connection.execute(later)}
        chosen = [number for lead, of in ids.items() if lead not in changed for number in of]
        for some in in_parts(chosen):
            connection.execute(delete(EVENTS).where(EVENTS.c.id.in_(some)))
            removed += len(some)
    return removed


def _shared_accounts(
    connection: Connection, lead: str, history: Sequence[Stored]
) -> Mapping[str, str]:
    """Return what each account of the lead is called from now on.

    One that other leads have keeps its name: colleagues are still counted together. One of this
    person alone might name the person.
    """
    own = {stored.event.account for stored in history} | {
        stored.event.detail.get("account") for stored in history
    }
    names = {}
    for account in sorted(name for name in own if name):
        others = select(func.count()).where(EVENTS.c.account == account, EVENTS.c.lead != lead)
        kept = connection.execute(others).scalar_one() > 0
        names[account] = account if kept else _PSEUDONYM + secrets.token_hex(16)
    return names


def _pseudonymous(history: Sequence[Stored], accounts: Mapping[str, str]) -> list[Stored]:
    name = _PSEUDONYM + secrets.token_hex(16)
    keys = _keys(history)
    return [
        replace(each, event=_without_person(each.event, name, keys, accounts)) for each in history
    ]


def _keys(history: Sequence[Stored]) -> dict[str, str]:
    """Return random keys that stand in the order of the old ones, which decides between equals."""
    old = {stored.event.idempotency_key for stored in history}
    old |= {str(s.event.detail["corrects"]) for s in history if "corrects" in s.event.detail}
    new = sorted(_PSEUDONYM + secrets.token_hex(16) for _ in old)
    return dict(zip(sorted(old), new, strict=True))


def _without_person(
    event: Event, name: str, keys: Mapping[str, str], accounts: Mapping[str, str]
) -> Event:
    return replace(
        event,
        lead=name,
        account=accounts.get(event.account or ""),
        idempotency_key=keys[event.idempotency_key],
        detail=_impersonal(event.detail, keys, accounts),
    )


def _impersonal(
    detail: Mapping[str, Any], keys: Mapping[str, str], accounts: Mapping[str, str]
) -> dict[str, Any]:
    """Take out what tells of a person: the values among a score's reasons, texts, names."""
    kept = {key: value for key, value in detail.items() if key != "reasons"}
    for key in ("text", "right_person"):
        if kept.get(key) is not None:
            kept[key] = ERASED
    if "corrects" in kept:
        kept["corrects"] = keys[str(kept["corrects"])]
    if kept.get("account") is not None:
        kept["account"] = accounts.get(kept["account"], ERASED)
    if isinstance(kept.get("detail"), Mapping):
        kept["detail"] = _impersonal(kept["detail"], keys, accounts)
    return kept
