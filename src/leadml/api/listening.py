"""Where the service listens, whom it refuses to listen for, and how uvicorn is set up."""

import os
import socket
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from typing import Any

import uvicorn

from leadml.api.access.wire import BoundedProtocol
from leadml.errors import ConfigError

GRACE_SECONDS = 10
"""How long requests in flight may take once the service is told to stop."""

SILENT_SECONDS = 30
"""How long a worker may be silent before it counts as hung; a start on a busy machine is."""


def uvicorn_config(
    app: Callable[..., Any], *, proxies: Sequence[str] = (), workers: int = 1
) -> uvicorn.Config:
    """Return how the application, or what makes it in each of several workers, is served.

    Uvicorn's own access log stays off, it would log queries. Only of `proxies` is believed for whom
    they ask (``X-Forwarded-For``, ``X-Forwarded-Proto``): anybody else could name a new address
    with every key that it guesses.
    """
    return uvicorn.Config(
        app,
        http=BoundedProtocol,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=list(proxies),
        lifespan="on",
        timeout_graceful_shutdown=GRACE_SECONDS,
        timeout_worker_healthcheck=SILENT_SECONDS,
        ws="none",
        workers=workers,
        factory=workers > 1,
    )


def listener(host: str, port: int) -> socket.socket:
    """Return a socket that listens.

    Raises
    ------
    ConfigError
        If the address cannot be listened on.
    """
    family = socket.AF_INET6 if _is_ipv6(host) else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except (OSError, OverflowError) as error:
        errno = getattr(error, "errno", None) or 0
        reason = os.strerror(errno) if errno > 0 else getattr(error, "strerror", str(error))
        msg = f"cannot listen on {host} port {port}: {reason}; free it or choose another --port"
        raise ConfigError(msg) from None


def address_of(listening: socket.socket, host: str) -> str:
    """Return the address that a browser opens."""
    shown = f"[{host}]" if _is_ipv6(host) else host
    return f"http://{shown}:{listening.getsockname()[1]}"


def _is_ipv6(host: str) -> bool:
    try:
        return ip_address(host).version == 6
    except ValueError:
        return False
