"""Tryton's sales opportunities as leads: read over JSON-RPC, scored where a lead stands."""

import difflib
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from leadml.domain.tryton import REASONS, TrytonConnection
from leadml.errors import ConfigError
from leadml.settings import Settings, secret_from
from leadml.workflows.crm.connector import CrmLead, CrmScore, Page, Written
from leadml.workflows.crm.patience import Pace
from leadml.workflows.crm.tryton_rpc import PASSWORD, TrytonRefusalError, TrytonRpc
from leadml.workflows.crm.wording import mark_in, with_block

MODEL = "sale.opportunity"
_CLOSED = ("won", "lost", "cancelled")
_ALWAYS = ("state", "create_date", "end_date", "_timestamp")
_TYPES: dict[str, Callable[[Any], object]] = {
    "float": lambda value: round(float(value), 4),
    "numeric": lambda value: Decimal(str(round(float(value), 2))),
    "integer": lambda value: round(value),
    "boolean": bool,
    "char": str,
    "text": str,
}
"""Types of Tryton's fields that can be given a value, and how one is written."""
_SHARES = ("probability", "handoff_probability")


def tryton_connector(settings: Settings, *, pace: Pace | None = None) -> "TrytonConnector":
    """Return the connector that ``[crm.tryton]`` describes.

    Raises
    ------
    ConfigError
        If there is no such section, or no password in the environment.
    """
    where = settings.path or "the settings"
    if settings.tryton is None:
        msg = f"{where} has no [crm.tryton]: say where Tryton is and which field holds what"
        raise ConfigError(msg)
    password = secret_from(os.environ, PASSWORD)
    if not password:
        msg = (
            f"{PASSWORD} is not set: give the password of {settings.tryton.user!r} there, or the "
            f"name of a file that holds it in {PASSWORD}_FILE"
        )
        raise ConfigError(msg)
    mapping = settings.definition.leads
    for key in ("id", "outcome"):
        column = getattr(mapping, key)
        if column is not None and column not in settings.tryton.columns:
            msg = (
                f"{where} [crm.tryton.columns]: {column} is missing, which [leads].{key} names: "
                f'give it a field, such as {column} = "{"number" if key == "id" else "state"}"'
            )
            raise ConfigError(msg)
    return TrytonConnector(settings.tryton, password, zone=ZoneInfo(mapping.timezone), pace=pace)


class TrytonConnector:
    """The leads of one Tryton database.

    Parameters
    ----------
    connection : TrytonConnection
    password : str
    zone : ZoneInfo
        In which Tryton's dates are meant.
    """

    name = "tryton"

    def __init__(
        self,
        connection: TrytonConnection,
        password: str,
        *,
        zone: ZoneInfo,
        pace: Pace | None = None,
    ) -> None:
        self.connection, self._zone = connection, zone
        self.of = f"{connection.url.rstrip('/')}/{connection.database}"
        self.overlap = timedelta(minutes=connection.overlap_minutes)
        self._rpc = TrytonRpc(connection, password, pace=pace)
        self._types: dict[str, str] = {}
        sources = connection.columns.values()
        self._plain = [source for source in sources if not source.startswith("@")]
        self._wants_log = len(self._plain) < len(connection.columns)

    def close(self) -> None:
        """Sign out."""
        self._rpc.close()

    def __enter__(self) -> "TrytonConnector":
        """Return the connector."""
        return self

    def __exit__(self, *error: object) -> None:
        """Sign out."""
        self.close()

    def page(self, since: datetime | None, after: str | None) -> Page:
        """Return leads created or changed at `since` or later, in the order of their ids."""
        self._look_at_fields()
        size = self.connection.page
        domain: list[Any] = [["id", ">", int(after or 0)]]
        if since is not None:
            domain.append(["OR", ["write_date", ">=", since], ["create_date", ">=", since]])
        wanted = dict.fromkeys((*self._plain, *_ALWAYS, self.connection.write[REASONS]))
        rows = self._call("search_read", domain, 0, size, [["id", "ASC"]], list(wanted))
        with self._rpc.reading():
            _refuse_order([int(after or 0), *(row["id"] for row in rows)])
            left = 0
            if len(rows) >= size:
                domain[0] = ["id", ">", rows[-1]["id"]]
                left = int(self._call("search_count", domain))
            moments = self._moments(rows) if self._wants_log else {}
            return Page(
                leads=[self._lead(row, moments.get(row["id"], [])) for row in rows],
                after=str(rows[-1]["id"]) if left else None,
                left=left,
            )

    def write(self, scores: Sequence[CrmScore]) -> list[Written]:
        """Write scores in one request, and so one transaction of Tryton's.

        What spoils it for the others is found by halving.
        """
        self._look_at_fields()
        return self._write(scores)

    def _call(self, method: str, *given: Any, context: Mapping[str, Any] | None = None) -> Any:
        return self._rpc.call(f"model.{MODEL}.{method}", *given, context=context)

    def _look_at_fields(self) -> None:
        """Refuse fields that are not there, once, by their names."""
        if self._types:
            return
        sources = (*self._plain, *self.connection.write.values())
        wanted = sorted({source.partition(".")[0] for source in sources} - {"id"})
        known = self._fields(wanted)
        if not known.keys() >= set(wanted):
            known = self._fields([])
        for name in wanted:
            if name not in known:
                near = difflib.get_close_matches(name, known, 1, 0.6)
                hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(sorted(known))}"
                msg = f"[crm.tryton]: {MODEL} of {self.of} has no field {name!r}; {hint}"
                raise ConfigError(msg)
        for name, target in self.connection.write.items():
            allowed = ("text",) if name == REASONS else tuple(_TYPES)
            if known[target] not in allowed:
                msg = (
                    f"[crm.tryton] write: {name} cannot be written to {target}, a field of type "
                    f"{known[target]}; expected {' or '.join(allowed)}"
                )
                raise ConfigError(msg)
        self._types = known

    def _fields(self, names: Sequence[str]) -> dict[str, str]:
        """Return the types of some fields, of all for none, without those that are not there."""
        try:
            found = self._call("fields_get", names)
        except TrytonRefusalError:
            return {}
        with self._rpc.reading():
            return {name: str(field["type"]) for name, field in found.items()}

    def _moments(self, rows: Sequence[Mapping[str, Any]]) -> dict[int, list[tuple[str, datetime]]]:
        """Return when each lead came into which states, oldest first, from Tryton's log.

        A button may close a lead without a transition being logged; it is logged itself.
        """
        names = [f"{MODEL},{row['id']}" for row in rows]
        if not names:
            return {}
        domain = [["resource", "in", names], ["event", "in", ["transition", "button"]]]
        fields = ["resource", "event", "target", "create_date"]
        order = [["create_date", "ASC"], ["id", "ASC"]]
        log = self._rpc.call("model.ir.model.log.search_read", domain, 0, None, order, fields)
        moments: dict[int, list[tuple[str, datetime]]] = {}
        for entry in log:
            state = _STATE_OF.get(entry["target"]) if entry["event"] == "button" else None
            state = state or entry["target"].removeprefix("state:")
            if entry["event"] == "transition" or state in _CLOSED:
                lead = int(entry["resource"].partition(",")[2])
                moments.setdefault(lead, []).append((state, entry["create_date"]))
        return moments

    def _lead(self, row: Mapping[str, Any], moments: Sequence[tuple[str, datetime]]) -> CrmLead:
        text = row[self.connection.write[REASONS]]
        _refuse_types(row["_timestamp"], row["state"], text)
        columns = {
            column: self._time(source, row, moments) if source[0] == "@" else _value(row, source)
            for column, source in self.connection.columns.items()
        }
        return CrmLead(
            key=str(row["id"]),
            columns=columns,
            mark=mark_in(text),
            wants_score=row["state"] in self.connection.states,
            token=(row["id"], row["_timestamp"], text),
        )

    def _time(
        self, source: str, row: Mapping[str, Any], moments: Sequence[tuple[str, datetime]]
    ) -> datetime | None:
        if source == "@closed":
            return self._closed(row, moments)
        states = [state.strip() for state in source.removeprefix("@").split(",")]
        if not moments and row["state"] in states:
            return _moment(row["create_date"])
        return next((at for state, at in moments if state in states), None)

    def _closed(
        self, row: Mapping[str, Any], moments: Sequence[tuple[str, datetime]]
    ) -> datetime | None:
        """Return when a lead was closed, None while it is open.

        To the moment where the log says so; else the day, or the last step before, if later.
        """
        if row["state"] not in _CLOSED:
            return None
        if moments and moments[-1][0] == row["state"]:
            return moments[-1][1]
        day: date | None = row["end_date"]
        known = [at for _, at in moments[-1:]]
        if day is not None:
            known.append(datetime.combine(day, time(), self._zone).astimezone(UTC))
        return max(known, default=None)

    def _write(self, scores: Sequence[CrmScore]) -> list[Written]:
        try:
            self._call("write", *self._pairs(scores), context={"_timestamp": _versions(scores)})
        except TrytonRefusalError as error:
            if len(scores) > 1:
                half = len(scores) // 2
                return [*self._write(scores[:half]), *self._write(scores[half:])]
            if error.kind == "ConcurrencyException":
                return [self._moved(scores[0])]
            return [Written(state="refused", problem=str(error))]
        return [Written(state="written") for _ in scores]

    def _moved(self, score: CrmScore) -> Written:
        """Say who changed a lead since it was read: it may be us, whose answer was lost."""
        field = self.connection.write[REASONS]
        rows = self._call("read", [_token(score)[0]], [field])
        with self._rpc.reading():
            is_ours = bool(rows) and mark_in(rows[0][field]) == score.mark
        return Written(state="written" if is_ours else "moved")

    def _pairs(self, scores: Iterable[CrmScore]) -> Iterable[Any]:
        for score in scores:
            yield [_token(score)[0]]
            yield self._values(score)

    def _values(self, score: CrmScore) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for name, target in self.connection.write.items():
            kind = self._types[target]
            if name == REASONS:
                values[target] = with_block(_token(score)[2], score.text, score.mark)
            elif (value := score.answer[name]) is None:
                values[target] = None
            else:
                percent = 100 if kind == "integer" and name in _SHARES else 1
                values[target] = _TYPES[kind](value * percent if percent > 1 else value)
        return values


def _refuse_order(ids: Sequence[Any]) -> None:
    """Refuse ids that do not rise: a server that gives the same again would never end."""
    if not all(type(each) is int for each in ids) or list(ids) != sorted(set(ids)):
        msg = "ids that do not rise"
        raise ValueError(msg)


def _refuse_types(*texts: object) -> None:
    """Refuse what is no text: it goes back to Tryton, or decides about a lead."""
    if not all(text is None or isinstance(text, str) for text in texts):
        msg = "no text"
        raise TypeError(msg)


_STATE_OF = {"cancel": "cancelled"}
"""Buttons that are not called like the state they lead to."""


def _token(score: CrmScore) -> tuple[int, str, str | None]:
    token: Any = score.lead.token
    return token  # type: ignore[no-any-return]


def _versions(scores: Sequence[CrmScore]) -> dict[str, str]:
    """Return as what Tryton is to find each lead: changed since, none of them is written."""
    return {f"{MODEL},{_token(score)[0]}": _token(score)[1] for score in scores}


def _value(row: Mapping[str, Any], source: str) -> object:
    """Return a field, through the ones it is reached by; of a list, how many it has."""
    *through, last = source.split(".")
    held: Any = row
    for name in through:
        held = held.get(f"{name}.")
        if held is None:
            return None
    value = held.get(last)
    return len(value) if isinstance(value, list) else value


def _moment(value: object) -> datetime | None:
    return value if isinstance(value, datetime) else None
