"""Webhooks: who is told of what about leads, and what such a message says."""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from leadml.domain.crossing import KINDS, Crossing
from leadml.domain.event import Stored, iso

NAME = re.compile(r"(?!(?:.*_)?file$)[a-z][a-z0-9_]{0,39}", re.ASCII)
"""What an endpoint may be called: the variable of its secret is named after it."""

MOST_REASONS = 5

FIRST_DELAY = 5.0
"""Seconds before a message is tried a second time."""
GROWTH = 4.0
LONGEST_DELAY = 6 * 3600.0
"""Seconds that lie between two tries at most."""
FEWEST_WAITING = 86_400.0
"""Seconds that any message may wait for an endpoint that does not answer."""
JITTER = 0.2
"""Share by which a delay may be shorter or longer, so that messages do not come back in step."""


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """One address that is told.

    Attributes
    ----------
    url : str
        ``https://``, or ``http://`` on this machine; without a user or password.
    on : tuple of str
        Which messages it wants.
    timeout : float
        Seconds to wait for its answer, in [1, 60].
    attempts : int
        Tries of one message before it is given up, 1 to 100.
    """

    url: str
    on: tuple[str, ...] = KINDS
    timeout: float = 15.0
    attempts: int = 18

    def __post_init__(self) -> None:
        """Refuse an address that would show what is sent, and values outside their range."""
        problem = _address_problem(self.url)
        if problem:
            raise ValueError(problem)
        if not self.on or len(set(self.on)) < len(self.on) or not set(self.on) <= set(KINDS):
            msg = f"on must list some of {', '.join(KINDS)}, each once, found {list(self.on)!r}"
            raise ValueError(msg)
        if not 1 <= self.timeout <= 60:
            msg = f"timeout must be 1 to 60 seconds, found {self.timeout:g}"
            raise ValueError(msg)
        if not 1 <= self.attempts <= 100:
            msg = f"attempts must be 1 to 100, found {self.attempts}"
            raise ValueError(msg)

    @property
    def host(self) -> str:
        """What may be shown of the address: the path may hold a token."""
        return urlsplit(self.url).netloc

    @property
    def patience(self) -> float:
        """Seconds after which what waits for an endpoint in trouble is given up, tried or not."""
        span = sum(delay(tried) for tried in range(1, self.attempts))
        return max(FEWEST_WAITING, (1 + JITTER) * span)


def delay(tried: int) -> float:
    """Return the seconds between a try and the next: 5 s, 20 s, 80 s … up to 6 h.

    Parameters
    ----------
    tried : int
        Tries so far, >= 1.
    """
    return min(LONGEST_DELAY, FIRST_DELAY * GROWTH ** min(tried - 1, 20))


def message(crossing: Crossing, *, identity: str, now: datetime) -> dict[str, Any]:
    """Return what an endpoint is told of a crossing, JSON-ready.

    Parameters
    ----------
    crossing : Crossing
        What happened.
    identity : str
        Name of the message: every try of it has the same one.
    now : datetime
        When the message was made; aware.
    """
    stored = crossing.after
    event = stored.event
    reasons = event.detail.get("reasons")
    told = _standing(stored)
    if reasons is not None:
        told["reasons"] = list(reasons)[:MOST_REASONS]
    return {
        "id": identity,
        "type": crossing.kind,
        "created_at": iso(now),
        "sequence": stored.id,
        "lead": event.lead,
        "account": event.account,
        "owner": event.owner,
        "from": crossing.before and _standing(crossing.before),
        "to": told,
        "model_version": event.model_version,
        "agreement_hash": event.agreement_hash,
    }


_TOLD = ("band", "sales_ready", "probability", "points", "hand_off", "explored")


def _standing(stored: Stored) -> dict[str, Any]:
    detail: Mapping[str, Any] = stored.event.detail
    told = {name: detail.get(name) for name in _TOLD}
    return {"scored_at": iso(stored.event.happened_at), **told}


def _address_problem(url: str) -> str:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "url is not an address: write https://HOST/PATH"
    if parts.scheme not in {"http", "https"} or not host or re.search(r"[\s\x00-\x1f\x7f]", url):
        return "url must be https://HOST/PATH (http:// only on this machine)"
    if parts.username is not None or parts.password is not None:
        return "url must hold no user or password: what is sent is signed instead"
    if parts.scheme == "http" and not _is_this_machine(host):
        return f"url must be https: {host} is another machine, and what is sent names leads"
    return ""


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
