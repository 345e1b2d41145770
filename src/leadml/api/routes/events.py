"""Events as callers send them, read into what the ledger records; every problem with its path."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from leadml.api.routes.ledger_schemas import MOST_EVENTS, EventIn
from leadml.api.routes.problems import described, kind_of, unknown_name
from leadml.data.values import NotUsableError, missing_texts, time_reader, to_text
from leadml.domain import event_detail
from leadml.domain.event import Event, Receipt, iso
from leadml.domain.event_detail import ATTRIBUTES, NAMES
from leadml.domain.mapping import LeadMapping
from leadml.store.ledger import Ledger

Location = tuple[str | int, ...]
Problem = Mapping[str, object]

MOST_PROBLEMS = 20
"""Most problems told of one event."""


class BodyError(Exception):
    """A request that is refused whole; `problems` says why."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("the request is refused")
        self.problems = problems


@dataclass(frozen=True)
class Item:
    """One event of a request: the event, or what is wrong with it."""

    place: Location
    event: Event | None
    problems: Sequence[Problem] = ()


class EventReader:
    """Reads events as `POST /v1/score` reads leads: the same ids, the same time zone.

    Parameters
    ----------
    mapping : LeadMapping
        Its texts that mean missing, and the zone of naive times.
    """

    def __init__(self, mapping: LeadMapping) -> None:
        self._missing = missing_texts(mapping.missing)
        self._read_time = time_reader(ZoneInfo(mapping.timezone), None)

    def name(self, value: str) -> str | None:
        """Return an id or a name in its one spelling; None where it means missing."""
        return to_text(value, self._missing)

    def items(self, body: object) -> list[Item]:
        """Return the events of a body, one or a batch.

        Raises
        ------
        BodyError
            If it is neither, or a batch of none or more than 1,000.
        """
        if not isinstance(body, dict):
            why = f"expected a JSON object sent as application/json, found {kind_of(body)}"
            raise BodyError([{"loc": ["body"], "msg": why}])
        if "events" not in body:
            return [self._item(body, ("body",))]
        return [
            self._item(each, ("body", "events", position))
            for position, each in enumerate(_batch(body))
        ]

    def _item(self, given: object, place: Location) -> Item:
        if not isinstance(given, dict):
            why = f"expected an object with event, lead and happened_at, found {kind_of(given)}"
            return Item(place, None, [{"loc": place, "msg": why}])
        try:
            sent = EventIn.model_validate(given)
        except ValidationError as error:
            return Item(place, None, _ill_formed(error, place))
        problems: list[Problem] = []
        event = self._event(sent, _Problems(place, problems))
        return Item(place, None if problems else event, problems)

    def _event(self, sent: EventIn, wrong: "_Problems") -> Event | None:
        lead = self.name(sent.lead)
        if lead is None:
            wrong.add(("lead",), "expected a lead id, found none")
        moment = wrong.attempt(("happened_at",), lambda: self._read_time(sent.happened_at))
        detail = self._detail(NAMES[sent.event], sent.detail or {}, wrong.inside("detail"))
        if lead is None or moment is None:
            return None
        return Event(
            event=sent.event,
            lead=lead,
            happened_at=moment,
            account=self.name(sent.account or ""),
            owner=self.name(sent.owner or ""),
            model_version=(sent.model_version or "").strip() or None,
            agreement_hash=(sent.agreement_hash or "").strip() or None,
            idempotency_key=(sent.idempotency_key or "").strip(),
            detail=detail,
        )

    def _detail(
        self,
        known: Mapping[str, event_detail.Check],
        given: Mapping[str, Any],
        wrong: "_Problems",
    ) -> dict[str, Any]:
        """Return the values told, times with their offset; null says nothing."""
        told = [(name, value) for name, value in given.items() if value is not None]
        read: dict[str, Any] = {}
        for name, value in told:
            if wrong.enough:
                break
            check = known.get(name)
            if check is None:
                wrong.add((name,), unknown_name(name, known, what="name"))
            elif check is event_detail.attributes and isinstance(value, dict):
                read[name] = self._detail(ATTRIBUTES, value, wrong.inside(name))
            elif check is event_detail.time:
                moment = wrong.attempt((name,), lambda value=value: self._read_time(value))
                read[name] = iso(moment) if moment else None
            elif expected := check(value):
                wrong.add((name,), f"expected {expected}, found {kind_of(value)}")
            else:
                read[name] = value
        return read


class _Problems:
    """Collects what is wrong below one place of the body."""

    def __init__(self, place: Location, problems: list[Problem]) -> None:
        self._place = place
        self._problems = problems

    @property
    def enough(self) -> bool:
        return len(self._problems) >= MOST_PROBLEMS

    def add(self, path: Location, why: str) -> None:
        self._problems.append({"loc": [*self._place, *path], "msg": why})

    def attempt(self, path: Location, read: Any) -> Any:
        try:
            return read()
        except NotUsableError as error:
            self.add(path, str(error))
            return None

    def inside(self, name: str) -> "_Problems":
        return _Problems((*self._place, name), self._problems)


def record_items(ledger: Ledger, items: Sequence[Item]) -> list[dict[str, Any]]:
    """Record the events that can be read, in one transaction.

    Returns
    -------
    results : list of dict
        ``{"status", "id", "idempotency_key", "recorded_at", "error", "errors"}``, in order.

    Raises
    ------
    StoreError
        If the ledger cannot be written; then nothing is kept.
    """
    events = [item.event for item in items if item.event is not None]
    receipts = iter(ledger.record(events) if events else ())
    return [
        _result(next(receipts), item.place) if item.event is not None else _unread(item)
        for item in items
    ]


def _result(receipt: Receipt, place: Location) -> dict[str, Any]:
    why = receipt.problem
    return {
        "status": receipt.status,
        "id": receipt.id,
        "idempotency_key": receipt.idempotency_key or None,
        "recorded_at": iso(receipt.recorded_at) if receipt.recorded_at else None,
        "error": why or None,
        "errors": [{"loc": [*place, *_named_in(why)], "msg": why}] if why else [],
    }


def _unread(item: Item) -> dict[str, Any]:
    return {
        "status": "refused",
        "id": None,
        "idempotency_key": None,
        "recorded_at": None,
        "error": "; ".join(str(problem["msg"]) for problem in item.problems),
        "errors": list(item.problems),
    }


def _named_in(why: str) -> Location:
    """Return the path of the field that the ledger's refusal begins with, if it does."""
    path = tuple(why.partition(" ")[0].split("."))
    return path if path[0] in EventIn.model_fields else ()


def _batch(body: Mapping[str, Any]) -> Sequence[object]:
    strange = [name for name in body if name != "events"]
    if strange:
        why = "send one event, or a list of them in events with no field beside it"
        raise BodyError([{"loc": ["body", name], "msg": why} for name in strange])
    events = body["events"]
    if not isinstance(events, list):
        why = f"expected a list, found {kind_of(events)}"
    elif not 1 <= len(events) <= MOST_EVENTS:
        why = f"expected 1 to {MOST_EVENTS:,} entries, found {len(events):,}"
    else:
        return events
    raise BodyError([{"loc": ["body", "events"], "msg": why}])


def _ill_formed(error: ValidationError, place: Location) -> list[dict[str, object]]:
    found = [
        {**problem, "loc": (*place, *problem["loc"])} for problem in error.errors()[:MOST_PROBLEMS]
    ]
    return described(found, EventIn, EventIn)
