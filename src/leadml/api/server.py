"""Runs the application under uvicorn: in this process, or in several workers on one socket."""

import logging
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from ipaddress import ip_network
from socket import socket
from typing import TYPE_CHECKING

import uvicorn

from leadml.api.access.keyring import Keyring
from leadml.api.access.loopback import is_loopback
from leadml.api.listening import address_of, listener, uvicorn_config
from leadml.api.monitoring.log_lines import OWN, Format, Lines, log_to
from leadml.api.process import settle, share_memory
from leadml.errors import ConfigError
from leadml.settings import API_KEYS_VARIABLE, PROXIES_VARIABLE, Settings

if TYPE_CHECKING:
    from starlette.datastructures import State

log = logging.getLogger("leadml.api")

Say = Callable[[str], None]


def serve(
    settings: Settings,
    *,
    host: str,
    port: int,
    workers: int = 1,
    log_format: Format | None = None,
    say: Say,
) -> None:
    """Serve until interrupted or told to end; then answer what has begun and record what waits.

    Parameters
    ----------
    settings : Settings
        See `leadml.api.application.create_app`.
    host, port
        Where to listen; port 0 picks a free one.
    workers : int
        Processes that answer; with more than one, this one watches over them.
    log_format : {"json", "text"}, optional
        Of the log on stderr; default text on a terminal, else JSON.
    say : callable
        Is told, line by line, where the service listens and what it serves, where the log is text;
        else the log is.

    Raises
    ------
    ConfigError
        If the address cannot be listened on, or would be open to others without any key; if a
        trusted proxy is no address; if a worker cannot begin.
    """
    share_memory()
    keyring = Keyring.of(settings)
    _refuse_open_door(keyring, host)
    _refuse_unknown_proxies(settings.trusted_proxies)
    listening = listener(host, port)
    lines = Lines(sys.stderr.fileno(), log_format or _fitting_format())
    log_to(lines)
    told = say if lines.format == "text" else log.info
    with listening:
        try:
            if workers == 1:
                _serve_alone(settings, keyring, listening, host, lines, told)
            else:
                ready = partial(_tell_workers, keyring, _address(listening, host), workers, told)
                _serve_with(settings, keyring, listening, workers, lines.format, ready)
        finally:
            lines.close()


def _fitting_format() -> Format:
    return "text" if sys.stderr.isatty() else "json"


def _serve_alone(
    settings: Settings, keyring: Keyring, listening: socket, host: str, lines: Lines, say: Say
) -> None:
    from leadml.api.application import create_app

    own = logging.getLogger(OWN)
    own.setLevel(logging.WARNING)  # what serves is told once, in the first line
    app = create_app(settings, lines=lines, keyring=keyring)
    settle()
    own.setLevel(logging.INFO)
    server = uvicorn.Server(uvicorn_config(app, proxies=settings.trusted_proxies))
    for each in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, lambda *_: setattr(server, "should_exit", True))
    with suppress(KeyboardInterrupt):
        _tell_start(app.state, _address(listening, host), say)
        server.run(sockets=[listening])


def _tell_start(state: "State", address: str, say: Say) -> None:
    champion = state.champion
    serving = f"version {champion.scorer.version}" if champion.scorer else champion.problem
    say(f"{address}: {serving}")
    if not state.keyring.needed:
        say(_NO_KEYS)
    say(state.ledger.told)


def _serve_with(
    settings: Settings,
    keyring: Keyring,
    listening: socket,
    workers: int,
    log_format: Format,
    ready: Callable[[], None],
) -> None:
    from leadml.api.supervisor import supervise

    supervise(
        settings,
        listening,
        workers=workers,
        format=log_format,
        keys_needed=keyring.needed,
        ready=ready,
    )


def _tell_workers(keyring: Keyring, address: str, workers: int, say: Say) -> None:
    say(f"{address}: {workers} workers")
    if not keyring.needed:
        say(_NO_KEYS)


_NO_KEYS = (
    "no key is made (`leadml keys add`) or set "
    f"({API_KEYS_VARIABLE}): only this machine is answered, without a key"
)


def _address(listening: socket, host: str) -> str:
    address = address_of(listening, host)
    return f"leadml serves {address} (open it in a browser; API: {address}/docs)"


def _refuse_open_door(keyring: Keyring, host: str) -> None:
    if not keyring.working and not is_loopback(host):
        msg = (
            f"--host {host} would answer other machines without a key: set {API_KEYS_VARIABLE} "
            "to one or more keys (comma separated), make one with `leadml keys add`, or leave "
            "--host out"
        )
        raise ConfigError(msg)


def _refuse_unknown_proxies(proxies: Sequence[str]) -> None:
    for proxy in proxies:
        try:
            ip_network(proxy)
        except ValueError:
            msg = (
                f"{PROXIES_VARIABLE} holds {proxy!r}: expected addresses or networks, separated by "
                "commas, such as 127.0.0.1,10.0.0.0/24"
            )
            raise ConfigError(msg) from None
