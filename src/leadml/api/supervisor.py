"""Several worker processes on one socket: started, watched, replaced and ended together.

This process answers nothing itself and stays small: it imports neither the application nor the
model. The workers are those of uvicorn's own supervisor.
"""

import ctypes
import logging
import secrets
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from socket import socket
from typing import TYPE_CHECKING

from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from leadml.api.access.keyring import Keyring
from leadml.api.listening import uvicorn_config
from leadml.api.monitoring.log_lines import Format, Lines, log_to
from leadml.api.monitoring.shared_folder import VARIABLE, reading_path
from leadml.api.process import settle, share_memory
from leadml.errors import ConfigError
from leadml.settings import Settings

if TYPE_CHECKING:
    from fastapi import FastAPI

READY_SECONDS = 60.0
"""How long a worker may take before it answers."""
DEATHS, DEATHS_SECONDS, PAUSE_SECONDS = 3, 10.0, 5.0
"""More deaths a worker than this, in this time, and the next start waits."""

_PR_SET_PDEATHSIG = 1

log = logging.getLogger("leadml.api")


@dataclass(frozen=True)
class Start:
    """What a worker needs to know; it travels through a pipe, not through the environment.

    Attributes
    ----------
    settings : Settings
    format : {"json", "text"}
        Of the log.
    folder : Path
        Shared by the workers.
    secret : bytes
        Signs the cookies of sessions, so that any worker knows whom another one let in.
    keys_needed : bool
        Whether a key is needed, even if the keys file is gone when the worker begins.
    """

    settings: Settings = field(repr=False)
    format: Format
    folder: Path
    secret: bytes = field(repr=False)
    keys_needed: bool


def worker(start: Start) -> "FastAPI":
    """Make the application of one worker, in its process."""
    _end_with_parent()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # of a terminal that closes: the parent decides
    share_memory()
    import os

    os.environ[VARIABLE] = str(start.folder)  # before prometheus_client is imported
    from leadml.api.application import create_app

    lines = Lines(sys.stderr.fileno(), start.format)
    log_to(lines)
    keyring = Keyring.of(start.settings, needed=start.keys_needed)
    app = create_app(start.settings, lines=lines, secret=start.secret, keyring=keyring)
    _tell_once(start.folder, app.state.ledger.told)
    settle()
    return app


def _tell_once(folder: Path, words: str) -> None:
    """Log what holds for all workers in the first of them that comes to it."""
    with suppress(FileExistsError), (folder / "told").open("x"):
        log.info("%s", words)


def supervise(
    settings: Settings,
    listener: socket,
    *,
    workers: int,
    format: Format,
    keys_needed: bool,
    ready: Callable[[], None],
) -> None:
    """Serve with several workers until told to stop.

    Parameters
    ----------
    settings : Settings
        Of every worker.
    listener : socket
        They all accept from it.
    workers : int
    format : {"json", "text"}
        Of the log.
    keys_needed : bool
        Whether no worker, not one started later either, may answer without a key.
    ready : callable
        Called once, when all workers answer.

    Raises
    ------
    ConfigError
        If a worker cannot begin; its own log says why.
    """
    with tempfile.TemporaryDirectory(prefix="leadml-") as folder:
        start = Start(settings, format, Path(folder), secrets.token_bytes(32), keys_needed)
        config = uvicorn_config(
            partial(worker, start), proxies=settings.trusted_proxies, workers=workers
        )
        logging.getLogger("uvicorn.error").setLevel(logging.INFO)
        Supervisor(config, [listener], start=start, ready=ready).run()


class Supervisor(Multiprocess):
    """Uvicorn's supervisor, which also says when all are ready and does not restart in a rush."""

    def __init__(
        self, config: object, sockets: list[socket], *, start: Start, ready: Callable[[], None]
    ) -> None:
        super().__init__(config, sockets)  # type: ignore[arg-type]
        self._start, self._ready = start, ready
        self._deaths: list[float] = []

    def run(self) -> None:
        """Serve until told to stop."""
        super().run()
        if any(process.exitcode == STARTUP_FAILURE for process in self.processes):
            msg = "a worker could not begin: its log says why"
            raise ConfigError(msg)

    def init_processes(self) -> None:
        """Start the workers, and say so when all of them answer."""
        super().init_processes()
        if all(each.wait_until_ready(READY_SECONDS, self.should_exit) for each in self.processes):
            self._ready()

    def keep_subprocess_alive(self) -> None:
        """Replace workers that ended."""
        self._stay_closed()
        before = {process.pid for process in self.processes}
        super().keep_subprocess_alive()
        for pid in before - {process.pid for process in self.processes}:
            reading_path(self._start.folder, pid or 0).unlink(missing_ok=True)
            log.warning("worker %s ended; another takes its place", pid)
            self._deaths.append(time.monotonic())
        self._deaths = [at for at in self._deaths if time.monotonic() - at < DEATHS_SECONDS]
        if len(self._deaths) > DEATHS * self.processes_num:
            log.error("workers end as soon as they begin: waiting before the next is started")
            self.should_exit.wait(PAUSE_SECONDS)

    def _stay_closed(self) -> None:
        """Once there was a keys file, let no worker begin without keys because it is gone."""
        with suppress(OSError):
            if not self._start.keys_needed and self._start.settings.keys_file.exists():
                self._start = replace(self._start, keys_needed=True)
                self.config.app = partial(worker, self._start)
                log.info("there is a keys file: every worker needs a key from now on")

    def terminate_all(self) -> None:
        """Stop listening, so that nobody waits for an answer in vain; end the workers."""
        for each in self.sockets:
            each.close()
        super().terminate_all()


def _end_with_parent() -> None:
    """Have the system end this process in good order when the supervisor is gone (Linux)."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
