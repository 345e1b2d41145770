"""A key to the service: what it may do, how often and until when; never the key itself."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

Scope = Literal["score", "events", "read", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
"""What keys may do: score leads, tell events, read leads and reports, change what serves."""
NO_SCOPES: frozenset[str] = frozenset()
KEY_SCOPES: frozenset[str] = frozenset({"score", "events"})
"""What a plain key of the environment may do: score leads, and tell what became of them."""
ADMIN_SCOPES: frozenset[str] = frozenset(SCOPES)

MOST_KEYS = 1_000
_SECONDS = {"s": 1, "m": 60, "h": 3_600}
_LIMIT = re.compile(r"([1-9][0-9]{0,6})/([smh])")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")
_RESERVED = frozenset({"local"})


@dataclass(frozen=True)
class RateLimit:
    """How many requests a key may make: `count` at once, refilled evenly over `seconds`."""

    count: int
    seconds: int

    def __str__(self) -> str:
        """Return it as it is written, such as ``50/s``."""
        (unit,) = (name for name, seconds in _SECONDS.items() if seconds == self.seconds)
        return f"{self.count}/{unit}"


def rate_limit(text: str) -> RateLimit:
    """Read ``50/s``, ``3000/m`` or ``100000/h``.

    Raises
    ------
    ValueError
        If it is none of these.
    """
    found = _LIMIT.fullmatch(text)
    if not found:
        msg = f"expected requests a second, minute or hour, such as 50/s or 3000/m, found {text!r}"
        raise ValueError(msg)
    return RateLimit(int(found[1]), _SECONDS[found[2]])


def key_name(text: str) -> str:
    """Return a key's name: it stands in logs and metrics.

    Raises
    ------
    ValueError
        If it could not stand there unambiguously.
    """
    if not _NAME.fullmatch(text) or text in _RESERVED:
        msg = (
            "a key's name is 1 to 40 small letters, digits, dots, _ and -, such as crm, and not "
            f"local; found {text!r}"
        )
        raise ValueError(msg)
    return text


def scope_names(words: list[str]) -> frozenset[Scope]:
    """Return scopes by their names.

    Raises
    ------
    ValueError
        If one is not known, or there is none.
    """
    known: dict[str, Scope] = {name: name for name in SCOPES}
    strange = [word for word in words if word not in known]
    if strange or not words:
        found = ", ".join(map(repr, strange)) or "none"
        msg = f"scopes are {', '.join(SCOPES)}, one or more of them; found {found}"
        raise ValueError(msg)
    return frozenset(known[word] for word in words)


@dataclass(frozen=True)
class KeyDigest:
    """One key that was handed out, as it is kept.

    Attributes
    ----------
    id : str
        Stands in the key: which of all it may be.
    sha256 : str
        Of the whole key, in hexadecimal digits.
    until : datetime or None
        When it ends because another took its place; aware UTC.
    """

    id: str
    sha256: str
    until: datetime | None = None


@dataclass(frozen=True)
class ApiKey:
    """What is known of a key's holder.

    Attributes
    ----------
    name : str
    scopes : frozenset of str
    created_at : datetime
    limit : RateLimit or None
        None: as many requests as it likes.
    expires_at, rotated_at : datetime or None
        Aware UTC, as is `created_at`.
    digests : tuple of KeyDigest
        The key that holds last; before it those it took the place of, while they still hold.
    """

    name: str
    scopes: frozenset[Scope]
    created_at: datetime
    limit: RateLimit | None = None
    expires_at: datetime | None = None
    rotated_at: datetime | None = None
    digests: tuple[KeyDigest, ...] = ()

    def ends(self, digest: KeyDigest) -> datetime | None:
        """Return when one of its keys ends: the earlier of its own time and the holder's."""
        told = [moment for moment in (self.expires_at, digest.until) if moment is not None]
        return min(told, default=None)
