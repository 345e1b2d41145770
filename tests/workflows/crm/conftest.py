"""A CRM in memory and a server like Tryton's, whose every fault can be arranged."""

import base64
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from leadml.domain.definition import Definition
from leadml.settings import Settings
from leadml.workflows.crm.connector import CrmLead, CrmScore, Page, Written
from leadml.workflows.crm.wording import mark_in, with_block

START = datetime(2026, 3, 2, 9, tzinfo=UTC)


@dataclass
class Clock:
    """Time that passes when told to."""

    now: datetime = START
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **time: float) -> None:
        self.now += timedelta(**time)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += timedelta(seconds=seconds)


@dataclass
class Record:
    """A lead in it."""

    columns: dict[str, Any]
    changed: datetime
    text: str = ""
    score: float | None = None
    writes: int = 0


class MemoryCrm:
    """A CRM that notes what is asked of it, and does before each call what a test wants."""

    name = "memory"
    overlap = timedelta(minutes=5)

    def __init__(self, clock: Clock, size: int = 2) -> None:
        self.of = "memory one"
        self.clock, self.size = clock, size
        self.records: dict[str, Record] = {}
        self.calls: list[tuple[str, Any]] = []
        self.before: Callable[[str, int], None] = lambda _call, _number: None
        self.after: Callable[[str, int], None] = lambda _call, _number: None

    def put(self, key: str, **columns: Any) -> None:
        """Make a lead or change it."""
        at = self.clock()
        made: dict[str, Any] = {"id": key, "stage": "Open", "created": at}
        known = self.records.setdefault(key, Record(made, at))
        known.columns |= columns
        known.changed = at

    def page(self, since: datetime | None, after: str | None) -> Page:
        number = self._note("page", (since, after))
        keys = [k for k, r in sorted(self.records.items()) if since is None or r.changed >= since]
        due = [key for key in keys if after is None or key > after]
        now, left = due[: self.size], len(due) - self.size
        leads = [
            CrmLead(
                key=key,
                columns=dict(self.records[key].columns),
                mark=mark_in(self.records[key].text),
                wants_score="frozen" not in self.records[key].columns,
                token=self.records[key].changed,
            )
            for key in now
        ]
        self.after("page", number)
        return Page(leads=leads, after=now[-1] if left > 0 else None, left=max(0, left))

    def write(self, scores: Sequence[CrmScore]) -> list[Written]:
        number = self._note("write", [score.lead.key for score in scores])
        results = [self._write(score) for score in scores]
        self.after("write", number)
        return results

    def _write(self, score: CrmScore) -> Written:
        record = self.records[score.lead.key]
        if record.changed != score.lead.token:
            return Written(state="moved")
        if record.columns.get("locked"):
            return Written(state="refused", problem="this record is locked")
        record.text = with_block(record.text, score.text, score.mark)
        record.score = score.answer["probability"]
        record.writes += 1
        record.changed = self.clock()
        return Written(state="written")

    def _note(self, call: str, given: Any) -> int:
        self.calls.append((call, given))
        number = sum(name == call for name, _ in self.calls)
        self.before(call, number)
        return number


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def memory(clock: Clock) -> MemoryCrm:
    return MemoryCrm(clock)


@pytest.fixture
def wired(handmade: Definition, make_model: Callable[..., Settings]) -> Settings:
    """Return settings with a handmade champion, and a ledger beside it."""
    leads = replace(handmade.leads, lost=("Lost",), closed_at="closed", amount="worth")
    settings = make_model(definition=replace(handmade, leads=leads))
    return replace(settings, store_url=f"sqlite:///{settings.root / 'leadml.db'}")


class FakeTryton(ThreadingHTTPServer):
    """What `TrytonRpc` may meet: a server that answers like Tryton, and fails when told to.

    Attributes
    ----------
    rows : dict
        Id -> opportunity, in Tryton's JSON.
    log : list
        Entries of ``ir.model.log``.
    asked : list
        Method and parameters of each request, signing in and out left out.
    faults : list
        What the next requests are answered instead: status, headers, body.
    refuses : dict
        Id -> what Tryton says when it is written.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.rows: dict[int, dict[str, Any]] = {}
        self.log: list[dict[str, Any]] = []
        self.asked: list[tuple[str, list[Any]]] = []
        self.logins: list[list[Any]] = []
        self.faults: list[tuple[int, dict[str, str], bytes]] = []
        self.refuses: dict[int, str] = {}
        self.fields = {
            "number": "char", "state": "selection", "amount": "numeric", "party": "many2one",
            "comment": "text", "conversion_probability": "float", "create_date": "timestamp",
            "write_date": "timestamp", "end_date": "date", "lines": "one2many", "rank": "integer",
            "band": "char", "ready": "boolean", "worth": "numeric", "lead_source": "char",
        }  # fmt: skip

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def put(self, number: int, /, **fields: Any) -> None:
        plain = dict.fromkeys(self.fields) | {"party.": None, "lines": []}
        own = {
            "id": number, "number": str(number), "state": "lead", "_timestamp": f"{number}.5",
            "create_date": stamp(2026, 3, 1, 8), "conversion_probability": 0.5,
        }  # fmt: skip
        self.rows[number] = plain | own | fields

    def answer(self, method: str, params: list[Any]) -> Any:
        if method == "common.db.login":
            self.logins.append(params)
            return [7, "token", None] if params[1] == {"password": "right"} else None
        if method == "common.db.logout":
            return None
        if method == "model.res.user.get_preferences":
            return {"company": 3, "companies": [3], "language": "en"}
        self.asked.append((method, params))
        return getattr(self, f"_{method.rpartition('.')[2]}_of_{method.split('.')[1]}")(*params)

    def _fields_get_of_sale(self, names: Any, _context: Any) -> Any:
        if not set(names) <= set(self.fields):
            raise Refused(*FAULT)
        return {name: {"type": self.fields[name]} for name in names or self.fields}

    def _search_read_of_sale(self, domain: Any, _o: int, limit: int, *_more: Any) -> Any:
        return [self.rows[number] for number in self._found(domain)[:limit]]

    def _search_count_of_sale(self, domain: Any, _context: Any) -> int:
        return len(self._found(domain))

    def _found(self, domain: Any) -> list[int]:
        return sorted(number for number in self.rows if number > domain[0][2])

    def _search_read_of_ir(self, domain: Any, *_more: Any) -> Any:
        (_, _, resources), (_, _, kinds) = domain
        return [e for e in self.log if e["resource"] in resources and e["event"] in kinds]

    def _read_of_sale(self, numbers: Any, _names: Any, _context: Any) -> Any:
        return [self.rows[number] for number in numbers if number in self.rows]

    def _write_of_sale(self, *given: Any) -> None:
        *pairs, context = given
        versions = context["_timestamp"]
        for number in (n for numbers in pairs[::2] for n in numbers):
            if number in self.refuses:
                raise Refused(*_user_error(self.refuses[number]))
            if self.rows[number]["_timestamp"] != versions[f"sale.opportunity,{number}"]:
                raise Refused(*MOVED)
        for numbers, values in zip(pairs[::2], pairs[1::2], strict=True):
            self.rows[numbers[0]] |= {**values, "_timestamp": "written"}


FAULT = ("'nope'", "")
MOVED = ("ConcurrencyException", "Records were modified in the meanwhile")


def _user_error(words: str) -> tuple[str, list[Any]]:
    return "UserError", [words, "", None]


class Refused(Exception):
    """An error in Tryton's way."""


class _Handler(BaseHTTPRequestHandler):
    server: FakeTryton

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.faults:
            self._send(*self.server.faults.pop(0))
            return
        asked = json.loads(body)
        is_login = asked["method"] == "common.db.login"
        token = "Session " + base64.b64encode(b"leadml:7:token").decode()
        if self.path != "/crm/rpc/" or (not is_login and self.headers["Authorization"] != token):
            self._send(401, {}, b"<h1>Unauthorized</h1>")
            return
        try:
            found = {"id": 1, "result": self.server.answer(asked["method"], asked["params"])}
        except Refused as error:
            found = {"id": 1, "error": list(error.args)}
        if is_login and found["result"] is None:
            self._send(401, {}, b"<h1>Unauthorized</h1>")
            return
        self._send(200, {}, json.dumps(found).encode())

    def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def stamp(*parts: int) -> dict[str, Any]:
    """Return a time as Tryton writes it."""
    names = ("year", "month", "day", "hour", "minute", "second", "microsecond")
    padded = (*parts, 0, 0, 0, 0)[:7]
    return {"__class__": "datetime", **dict(zip(names, padded, strict=True))}


@pytest.fixture
def fake() -> Iterator[FakeTryton]:
    server = FakeTryton()
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()
