"""Log lines on their way to stderr: written behind the answers, as JSON or as text.

Nobody who reads the log may hold up answers: lines wait in memory for a thread that writes them,
and where it cannot (a pipe that nobody empties) further lines are dropped and counted.
"""

import json
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from contextvars import ContextVar
from traceback import extract_tb
from types import TracebackType
from typing import Literal

Format = Literal["json", "text"]

ROOM = 10_000
"""Lines that may wait."""
GATHER_SECONDS = 0.05
"""How long the first of some lines waits for others."""
LAST_SECONDS = 2.0
"""How long ending waits for lines to be written."""

REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="")
"""The request being answered: every line that is logged meanwhile names it."""

OWN = "leadml"
AUDIT = "audit: "
"""How messages begin that say who did what."""
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {
    "message",
    "asctime",
    "taskName",
    "color_message",  # uvicorn's, for terminals
}


class Lines:
    """Takes lines without waiting, and writes them from a thread of its own.

    Parameters
    ----------
    descriptor : int
        Where to: a file descriptor.
    format : {"json", "text"}
        What the lines are to be.
    room : int
        Lines that may wait.

    Attributes
    ----------
    dropped : callable
        Is told how many lines were dropped.
    """

    def __init__(self, descriptor: int, format: Format = "json", *, room: int = ROOM) -> None:
        self.format: Format = format
        self.dropped: Callable[[int], None] = lambda _lines: None
        self._descriptor, self._room = descriptor, room
        self._waiting: deque[str] = deque()
        self._missed = 0
        self._some = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="leadml log", daemon=True)
        self._thread.start()

    def put(self, line: str) -> None:
        """Take one line, which ends in a line feed."""
        if len(self._waiting) >= self._room:
            self._missed += 1
            self.dropped(1)
            return
        self._waiting.append(line)
        if not self._some.is_set():
            self._some.set()

    def close(self) -> None:
        """Write what waits, for two seconds at most."""
        self._over.set()
        self._some.set()
        self._thread.join(LAST_SECONDS)

    def _run(self) -> None:
        while True:
            self._some.wait()
            self._over.wait(GATHER_SECONDS)
            self._some.clear()
            if not self._written():
                return
            if self._over.is_set() and not self._waiting:
                return

    def _written(self) -> bool:
        """Write all that waits; return whether there is anybody to read."""
        while self._waiting:
            lines = [self._waiting.popleft() for _ in range(min(500, len(self._waiting)))]
            try:
                _write(self._descriptor, "".join(lines).encode("utf-8", "replace"))
            except OSError:  # the reader is gone: from now on nothing can be said
                return False
        self._tell_missed()
        return True

    def _tell_missed(self) -> None:
        missed, self._missed = self._missed, 0
        if missed:
            record = logging.LogRecord(
                "leadml.api", logging.WARNING, "", 0, "log lines dropped: %d", (missed,), None
            )
            self.put(LineFormatter(self.format).format(record) + "\n")


def _write(descriptor: int, content: bytes) -> None:
    while content:
        content = content[os.write(descriptor, content) :]


class LineFormatter(logging.Formatter):
    """Formats a record as one line, without values of what went wrong.

    A fault is told by its type and place alone: its message may quote a lead. Of loggers other than
    our own the first line of a message is kept.
    """

    def __init__(self, format: Format) -> None:
        super().__init__()
        self._format = format

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its end."""
        fields = _fields(record)
        if self._format == "json":
            return json.dumps(fields, ensure_ascii=False, default=str, separators=(",", ":"))
        told = f"{fields['time']} {record.levelname} {fields['message']}"
        if "fault" in fields and str(fields["fault"]) not in told:
            told += f": {fields['fault']} at {fields['at']}"
        return f"{told} [{fields['request_id']}]" if "request_id" in fields else told


def _fields(record: logging.LogRecord) -> dict[str, object]:
    message = record.getMessage()
    if not record.name.startswith(OWN):
        message = message.partition("\n")[0]
    extra = {name: value for name, value in vars(record).items() if name not in _STANDARD}
    request_id = REQUEST_ID.get()
    return (
        {
            "time": moment(record.created),
            "level": record.levelname,
            "logger": record.name,
            "message": " ".join(message.split("\n")),
        }
        | ({"request_id": request_id} if request_id else {})
        | ({"audit": True} if message.startswith(AUDIT) else {})
        | extra
        | (_fault(record.exc_info[1]) if record.exc_info and record.exc_info[1] else {})
    )


def _fault(fault: BaseException) -> dict[str, str]:
    return {"fault": type(fault).__name__, "at": places(fault.__traceback__)}


def places(trace: TracebackType | None) -> str:
    """Return where a fault arose, the innermost place first."""
    frames = reversed(extract_tb(trace))
    return " < ".join(f"{frame.filename}:{frame.lineno}" for frame in frames)


def moment(seconds: float) -> str:
    """Return a time as ISO 8601 in UTC, to the millisecond.

    Examples
    --------
    >>> moment(1772442000.25)
    '2026-03-02T09:00:00.250Z'
    """
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{whole}.{int(seconds % 1 * 1000):03d}Z"


class LineHandler(logging.Handler):
    """Hands records to the lines."""

    def __init__(self, lines: Lines) -> None:
        super().__init__()
        self._lines = lines
        self.setFormatter(LineFormatter(lines.format))

    def emit(self, record: logging.LogRecord) -> None:
        """Take one record."""
        self._lines.put(self.format(record) + "\n")


def log_to(lines: Lines) -> None:
    """Lead all logging of this process to these lines: ours from INFO, others' from WARNING."""
    root = logging.getLogger()
    root.handlers[:] = [LineHandler(lines)]
    root.setLevel(logging.WARNING)
    logging.getLogger(OWN).setLevel(logging.INFO)
    logging.raiseExceptions = False
    threading.excepthook = _log_thread_fault


def _log_thread_fault(fault: threading.ExceptHookArgs) -> None:
    told = {"fault": fault.exc_type.__name__, "at": places(fault.exc_traceback)}
    logging.getLogger("leadml.api").error("a thread failed: %s", told["fault"], extra=told)
