"""A score that was given, as an entry of the journal and as an event for the ledger.

The answer waits for the entry: it holds what the ledger keeps of the score, and of the lead what
was sent. What takes time, reading the lead's times and names, is done when the entry is on its way
to the ledger.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import blake2b
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import orjson

from leadml.data.values import NotUsableError, is_missing, missing_texts, time_reader, to_text
from leadml.domain.definition import Definition
from leadml.domain.event import iso, packed
from leadml.domain.event_check import MOST_DETAIL, is_name
from leadml.domain.event_detail import ATTRIBUTES, NAMES, text
from leadml.store.intake import Score
from leadml.workflows.score import Scorer

REPEAT_SECONDS = 600
"""A request for a score as of now that comes again within this time is the same score."""

_TOLD = tuple(name for name in NAMES["scored"] if name != "attributes")
_TIMES = frozenset({"created_at", "qualified_at"})
_MOST_NAME = 200
_MOST_KNOWN = 2_000
"""Texts of attributes that a version's reading keeps at hand."""
_ROOM_FOR_ATTRIBUTES = 3_000
"""Characters of the detail that the attributes take at most: texts of 500, names and marks."""
_OTHER = b" "
"""Begins what orjson cannot write, such as whole numbers of more than 64 bits."""


class ScoredEvent(NamedTuple):
    """A score to be recorded.

    Attributes
    ----------
    lead : str
        The lead's id.
    entry : bytes
        For the journal.
    """

    lead: str
    entry: bytes


class Telling:
    """Makes entries of the scores that one version gives.

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
        self._lasting = mapping.id is not None and is_name(version)
        columns = {name: getattr(mapping, name) for name in ATTRIBUTES}
        known = {name: column for name, column in columns.items() if column is not None}
        self._columns = (mapping.account, mapping.owner, *known.values())
        self._source = orjson.dumps(
            {
                "version": version,
                "agreement": definition.agreement.hash(),
                "timezone": mapping.timezone,
                "date_format": mapping.date_format,
                "missing": list(mapping.missing),
                "attributes": list(known),
            }
        )
        self._unfit = {bucket for bucket in definition.points.buckets if text(bucket)}

    def event(
        self, answer: Mapping[str, Any], lead: Mapping[str, object], content: object
    ) -> ScoredEvent | None:
        """Return what is recorded of one answer; None where the ledger cannot keep it.

        Parameters
        ----------
        answer : mapping
            The fields of `leadml.workflows.score.Answer`; ``shadow`` is true of a score that a
            challenger made and nobody was given.
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
        name = answer["lead_id"]
        if answer["probability"] is None or not self._lasting or not is_name(name):
            return None
        get = answer.get
        told = {key: value for key in _TOLD if (value := get(key)) is not None}
        if not self._is_fit(told):
            return None
        try:
            detail = _detail(told)
        except (TypeError, ValueError):
            return None
        if len(detail) + _ROOM_FOR_ATTRIBUTES > MOST_DETAIL:
            return None
        head = self._head(answer, lead, content)
        return ScoredEvent(name, b"\t".join((self._source, head, detail)))

    def _is_fit(self, told: Mapping[str, Any]) -> bool:
        """Tell whether numbers and names are those that the ledger takes."""
        return (
            0 <= told["probability"] <= 1
            and 0 <= told.get("cut", 0) <= 1
            and told.get("points_bucket") not in self._unfit
        )

    def _head(
        self, answer: Mapping[str, Any], lead: Mapping[str, object], content: object
    ) -> bytes:
        """Return what identifies a score, and what is to be read of the lead.

        The same lead, version and content, judged at the same moment, is the same score. Where the
        moment is the one of answering, a window of time takes its place. One made in the shadow is
        never the one that is given later.
        """
        name, as_of, scored_at = answer["lead_id"], answer["as_of"], answer["scored_at"]
        is_now = as_of[:19] == scored_at[:19]
        said = None if is_now else as_of
        who = (name, self._version, answer.get("shadow") is True, said, content)
        digest = blake2b(_hashable(who), digest_size=16).hexdigest()
        get = lead.get
        given = [get(column) if column else None for column in self._columns]
        return _json(
            (digest, _window(scored_at if is_now else as_of), is_now, name, scored_at, given)
        )


def score_of(entry: bytes) -> Score:
    """Return what the ledger keeps of an entry of the journal.

    Raises
    ------
    ValueError, LookupError, TypeError
        If it is not an entry that `Telling.event` made.
    """
    source, head, detail = entry.split(b"\t")
    digest, window, is_now, name, scored_at, (account, owner, *attributes) = _loaded(head)
    reading = _reading(source)
    told = reading.attributes(attributes) if attributes else None
    return Score(
        # by time first, so that an index of many keys is written to in one place
        (f"score-{window}-{digest}", f"score-{window - 1}-{digest}")
        if is_now
        else (f"score-{window}-{digest}",),
        name,
        reading.name(account) if account is not None else None,
        reading.name(owner) if owner is not None else None,
        _moment(scored_at),
        reading.version,
        reading.agreement,
        _with_attributes(detail.decode(), told) if told else detail.decode(),
    )


class _Reading:
    """How a version reads what was sent of a lead."""

    def __init__(self, source: Mapping[str, Any]) -> None:
        self.version: str = source["version"]
        self.agreement: str = source["agreement"]
        self._missing = missing_texts(tuple(source["missing"]))
        self._names: list[str] = source["attributes"]
        self._known = lru_cache(maxsize=_MOST_KNOWN)(self._attribute)  # leads share most of them
        self._read_time = time_reader(ZoneInfo(source["timezone"]), source["date_format"])

    def name(self, value: object) -> str | None:
        """Return a company's or a representative's name; None where the ledger cannot keep it."""
        try:
            told = to_text(value, self._missing)
        except NotUsableError:
            return None
        return told if told and len(told) <= _MOST_NAME and told.isprintable() else None

    def attributes(self, values: list[object]) -> dict[str, str]:
        """Return what the ledger keeps of the attributes."""
        found = {}
        for name, value in zip(self._names, values, strict=True):
            read = self._known if type(value) is str else self._attribute
            told = read(name, value) if value is not None else None
            if told is not None:
                found[name] = told
        return found

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


@lru_cache(maxsize=16)
def _reading(source: bytes) -> _Reading:
    return _Reading(orjson.loads(source))


def _with_attributes(detail: str, attributes: Mapping[str, str]) -> str:
    return f'{{"attributes":{orjson.dumps(attributes).decode()},{detail[1:]}'


def _json(value: object) -> bytes:
    """Return JSON, whatever `_loaded` can read."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return _OTHER + json.dumps(value).encode()


def _detail(told: Mapping[str, Any]) -> bytes:
    """Return the detail of an event as it is kept.

    Raises
    ------
    TypeError, ValueError
        If it is not plain JSON in whole characters.
    """
    try:
        return orjson.dumps(told, option=orjson.OPT_SERIALIZE_NUMPY)
    except TypeError:
        return (packed(told) or "").encode()


def _loaded(head: bytes) -> Any:
    return json.loads(head) if head.startswith(_OTHER) else orjson.loads(head)


def _hashable(content: object) -> bytes:
    """Return the same bytes for the same content, whatever the order of its fields."""
    try:
        return orjson.dumps(content, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        text = json.dumps(content, sort_keys=True, ensure_ascii=False)
        return text.encode("utf-8", "surrogatepass")


@lru_cache(maxsize=64)
def _window(moment: str) -> int:
    return int(datetime.fromisoformat(moment).timestamp()) // REPEAT_SECONDS


@lru_cache(maxsize=64)
def _moment(scored_at: str) -> str:
    moment = datetime.fromisoformat(scored_at).astimezone(UTC)
    return moment.isoformat(timespec="microseconds")[:-6] + "Z"


@lru_cache(maxsize=4)
def telling_of(scorer: Scorer) -> Telling:
    """Return what makes entries of a version's scores; the last four versions' are kept at hand."""
    return Telling(scorer.definition, scorer.version)
