"""A score that was given, as an event for the ledger."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from leadml.data.values import NotUsableError, is_missing, missing_texts, time_reader, to_text
from leadml.domain.definition import Definition
from leadml.domain.event import Event, iso
from leadml.domain.event_check import problem_of
from leadml.domain.event_detail import ATTRIBUTES, NAMES
from leadml.workflows.score import Scorer

REPEAT_SECONDS = 600
"""A request for a score as of now that comes again within this time is the same score."""

_TOLD = tuple(name for name in NAMES["scored"] if name != "attributes")
_TIMES = frozenset({"created_at", "qualified_at"})
_MOST_NAME = 200


@dataclass(frozen=True)
class ScoredEvent:
    """A score to be recorded.

    Attributes
    ----------
    event : Event
        With its key.
    keys : tuple of str
        Under any of these the same score may be kept already: its own, and that of the request
        made again just after a window of `REPEAT_SECONDS` ended.
    """

    event: Event
    keys: tuple[str, ...]


class Telling:
    """Makes events of the scores that one version gives.

    Parameters
    ----------
    definition : Definition
        What the version was trained under.
    version : str
        Its name.
    """

    def __init__(self, definition: Definition, version: str) -> None:
        mapping = definition.leads
        self._version = version
        self._agreement = definition.agreement.hash()
        self._lasting = mapping.id is not None
        self._missing = missing_texts(mapping.missing)
        self._read_time = time_reader(ZoneInfo(mapping.timezone), mapping.date_format)
        columns = ((name, getattr(mapping, name)) for name in ATTRIBUTES)
        self._attributes = [(name, column) for name, column in columns if column is not None]
        self._account, self._owner = mapping.account, mapping.owner

    def event(
        self, answer: Mapping[str, Any], lead: Mapping[str, object], content: object
    ) -> ScoredEvent | None:
        """Return the event of one answer; None where the ledger cannot keep it.

        Parameters
        ----------
        answer : mapping
            The fields of `leadml.workflows.score.Answer`.
        lead : mapping
            The raw columns that were sent.
        content : object
            All that was sent of the lead, JSON-ready: the same again is the same score.

        Returns
        -------
        scored : ScoredEvent or None
            None without a probability or a lasting id (``[leads] id`` not mapped, or longer than
            the ledger's 200 characters).
        """
        if answer["probability"] is None or not self._lasting:
            return None
        keys = self._keys(answer, content)
        event = Event(
            event="scored",
            lead=answer["lead_id"],
            happened_at=datetime.fromisoformat(answer["scored_at"]),
            account=self._name(lead, self._account),
            owner=self._name(lead, self._owner),
            model_version=self._version,
            agreement_hash=self._agreement,
            idempotency_key=keys[0],
            detail=self._detail(answer, lead),
        )
        problem = problem_of(event, reasons=(), now=event.happened_at)
        return None if problem else ScoredEvent(event, keys)

    def _detail(self, answer: Mapping[str, Any], lead: Mapping[str, object]) -> dict[str, Any]:
        told = {name: value for name in _TOLD if (value := answer[name]) is not None}
        attributes = {
            name: value
            for name, column in self._attributes
            if (value := self._attribute(name, lead.get(column))) is not None
        }
        return told | ({"attributes": attributes} if attributes else {})

    def _attribute(self, name: str, value: object) -> str | None:
        """Return what the ledger keeps of an attribute: nothing of what it has no room for."""
        try:
            if name in _TIMES:
                told = None if is_missing(value, self._missing) else iso(self._read_time(value))
            else:
                told = to_text(value, self._missing)
        except NotUsableError:
            return None
        return None if told is None or ATTRIBUTES[name](told) else told

    def _name(self, lead: Mapping[str, object], column: str | None) -> str | None:
        try:
            told = to_text(lead.get(column), self._missing) if column else None
        except NotUsableError:
            return None
        return told if told and len(told) <= _MOST_NAME and told.isprintable() else None

    def _keys(self, answer: Mapping[str, Any], content: object) -> tuple[str, ...]:
        """Return the key of a score, and that of the window before.

        The same lead, version and content, judged at the same moment, is the same score. Where the
        moment is the one of answering, a window of time takes its place.
        """
        text = json.dumps(content, sort_keys=True, ensure_ascii=False)
        same = f"{answer['lead_id']}\n{self._version}\n{text}"
        as_of, scored_at = answer["as_of"], answer["scored_at"]
        if as_of[:19] != scored_at[:19]:
            return (_key(same, as_of),)
        window = int(datetime.fromisoformat(scored_at).timestamp()) // REPEAT_SECONDS
        return _key(same, str(window)), _key(same, str(window - 1))


def _key(same: str, when: str) -> str:
    text = f"{when}\n{same}".encode("utf-8", "surrogatepass")
    return f"score-{hashlib.blake2b(text, digest_size=16).hexdigest()}"


@lru_cache(maxsize=2)
def telling_of(scorer: Scorer) -> Telling:
    """Return what makes events of a version's scores; the last two versions' are kept at hand."""
    return Telling(scorer.definition, scorer.version)
