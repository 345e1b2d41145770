"""One lead as the ledger knows it: its scores with reasons, its hand-offs and what came of them."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from leadml.pages.site import Frame, framed
from leadml.pages.summary import Headline

Payload = Mapping[str, Any]

SCORES, EVENTS = 5, 20
"""Scores and events shown at once; earlier ones are folded away."""
STATE_WORDS = {
    "scored": "scored, not handed off",
    "handed_off": "handed off, nothing heard of it yet",
    "accepted": "accepted by sales",
    "rejected": "rejected by sales",
    "followed_up": "followed up by sales",
    "won": "won",
    "lost": "lost",
    "open": "open",
}
EVENT_WORDS = {
    "scored": "scored",
    "handed_off": "handed off",
    "accepted": "accepted",
    "rejected": "rejected",
    "followed_up": "followed up",
    "won": "won",
    "lost": "lost",
    "reopened": "reopened",
    "corrected": "corrected",
}
ATTRIBUTE_WORDS = {
    "source": "source",
    "industry": "industry",
    "segment": "segment",
    "account_size": "account size",
}
TOLD = {
    "reason": "reason",
    "text": "said",
    "right_person": "right person",
    "amount": "amount",
    "margin_amount": "margin",
    "corrects": "corrects",
    "void": "void",
    "shadow": "in the shadow, by a challenger",
    "explored": "at random, to learn from",
}
"""Details of events that are told in the list of all events."""


def look_up_page(frame: Frame, *, asked: str = "", found: bool = True) -> str:
    """Draw the form to look a lead up; `found` is False where there is none of that id."""
    problem = "" if found else f"The ledger knows no lead “{asked}”. Look at its id in the CRM."
    title = "Leads" if found else "No such lead"
    return framed(
        "leads.html",
        frame,
        title=title,
        kicker="Leads",
        headline=Headline("Look up a lead" if found else "There is no such lead", []),
        content={"asked": asked, "problem": problem},
    )


def lead_page(history: Payload, frame: Frame, *, zone: str) -> str:
    """Draw a lead's history, as `GET /v1/leads/{id}` gives it; times are shown in `zone`."""
    state = history["state"]
    content = {
        "h": history,
        "s": state,
        "facts": facts(state),
        "zone": zone,
        "at": clock(zone),
        "most": {"scores": SCORES, "events": EVENTS},
        "words": EVENT_WORDS,
        "told": told,
        "asked": "",
        "problem": "",
    }
    words = STATE_WORDS.get(state["state"], state["state"])
    return framed(
        "lead.html",
        frame,
        title=f"Lead {history['lead']}",
        kicker="Lead",
        headline=Headline(history["lead"], [f"{words[:1].upper()}{words[1:]}."]),
        content=content,
    )


def clock(zone: str) -> Callable[[str], str]:
    """Return what writes an ISO time to the minute in a zone."""
    place = ZoneInfo(zone)

    def at(iso: str) -> str:
        return datetime.fromisoformat(iso).astimezone(place).strftime("%Y-%m-%d %H:%M")

    return at


def facts(state: Payload) -> list[tuple[str, str, Any]]:
    """Arrange what is known of a lead: name, kind of value, value; nothing that is not known."""
    given = state["attributes"]
    rows: list[tuple[str, str, Any]] = [
        ("account", "text", state["account"]),
        ("owner", "text", state["owner"]),
        *((words, "text", given.get(name)) for name, words in ATTRIBUTE_WORDS.items()),
        ("came in", "time", state["created_at"]),
        ("qualified", "time", state["qualified_at"]),
        ("handed off", "time", state["handed_off_at"]),
        ("accepted", "time", state["accepted_at"]),
        ("rejected", "time", state["rejected_at"]),
        ("why rejected", "words", state["rejection_reason"]),
        ("right person", "text", state["right_person"]),
        ("followed up", "time", state["followed_up_at"]),
        ("closed", "time", state["closed_at"]),
        ("outcome", "text", state["outcome"]),
        ("amount", "money", state["amount"]),
        ("margin", "money", state["margin_amount"]),
        ("model version", "text", state["model_version"]),
        ("agreement", "hash", state["agreement_hash"]),
    ]
    return [row for row in rows if row[2] is not None and row[2] != ""]


def told(event: Payload) -> str:
    """Say what else an event tells, in a few words."""
    detail = event.get("detail", event)
    named = [(TOLD[name], detail[name]) for name in TOLD if detail.get(name) not in (None, False)]
    parts = [words if value is True else f"{words}: {_plain(value)}" for words, value in named]
    return "; ".join(parts)


def _plain(value: object) -> str:
    if isinstance(value, float | int):
        return f"{value:,.2f}".rstrip("0").rstrip(".")
    return str(value).replace("_", " ")
