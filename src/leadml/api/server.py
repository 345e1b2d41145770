"""Runs the application under uvicorn, on a socket of our own so that a taken port is one line."""

import os
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from ipaddress import ip_address, ip_network
from typing import Any

import uvicorn
from fastapi import FastAPI

from leadml.api.application import create_app
from leadml.api.gate import is_loopback
from leadml.api.keyring import Keyring
from leadml.api.wire import BoundedProtocol
from leadml.errors import ConfigError
from leadml.settings import API_KEYS_VARIABLE, PROXIES_VARIABLE, Settings

_LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "loggers": {
        "leadml.api": {"handlers": ["stderr"], "level": "INFO"},
        "uvicorn": {"handlers": ["stderr"], "level": "WARNING"},
    },
}


def serve(settings: Settings, *, host: str, port: int, say: Callable[[str], None]) -> None:
    """Serve until interrupted.

    Parameters
    ----------
    settings : Settings
        See `create_app`.
    host, port
        Where to listen; port 0 picks a free one.
    say : callable
        Is told, line by line, where the service listens and what it serves.

    Raises
    ------
    ConfigError
        If the address cannot be listened on, or would be open to others without any key; if a
        trusted proxy is no address.
    """
    _refuse_open_door(settings, host)
    _refuse_unknown_proxies(settings.trusted_proxies)
    listener = _listener(host, port)
    app = create_app(settings)
    address = f"http://{_shown(host)}:{listener.getsockname()[1]}"
    champion = app.state.champion
    serving = f"version {champion.scorer.version}" if champion.scorer else champion.problem
    say(f"leadml serves {address} (open it in a browser; API: {address}/docs): {serving}")
    if not app.state.keyring.needed:
        say(f"no {API_KEYS_VARIABLE} is set: only this machine is answered, without a key")
    say(app.state.ledger.told)
    with listener, suppress(KeyboardInterrupt):
        server = uvicorn_server(app, logging=_LOGGING, proxies=settings.trusted_proxies)
        server.run(sockets=[listener])


def uvicorn_server(
    app: FastAPI, *, logging: dict[str, Any] | None = None, proxies: Sequence[str] = ()
) -> uvicorn.Server:
    """Return a server for the application; its own access log stays off, it would log queries.

    Only of `proxies` is believed for whom they ask (``X-Forwarded-For``, ``X-Forwarded-Proto``):
    anybody else could name a new address with every key that it guesses.
    """
    config = uvicorn.Config(
        app,
        http=BoundedProtocol,
        log_config=logging,
        access_log=False,
        server_header=False,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=list(proxies),
        lifespan="on",
        timeout_graceful_shutdown=10,
    )
    return uvicorn.Server(config)


def _refuse_open_door(settings: Settings, host: str) -> None:
    if not is_loopback(host) and not Keyring.of(settings).needed:
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


def _listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if _is_ipv6(host) else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except (OSError, OverflowError) as error:
        errno = getattr(error, "errno", None) or 0
        reason = os.strerror(errno) if errno > 0 else getattr(error, "strerror", str(error))
        msg = f"cannot listen on {host} port {port}: {reason}; free it or choose another --port"
        raise ConfigError(msg) from None


def _is_ipv6(host: str) -> bool:
    try:
        return ip_address(host).version == 6
    except ValueError:
        return False


def _shown(host: str) -> str:
    return f"[{host}]" if _is_ipv6(host) else host
