"""Keys to the service: made, listed, exchanged, taken away."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from leadml.domain.api_key import ApiKey, KeyDigest, RateLimit, Scope, key_name
from leadml.domain.event import iso
from leadml.errors import ConfigError
from leadml.settings import Settings, load_settings
from leadml.workflows.key_file import held, read_keys, write_keys

PREFIX = "leadml_"
_ID_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"
_ID_LENGTH = 10
_SECRET_BYTES = 32


@dataclass(frozen=True)
class NewKey:
    """A key just made.

    Attributes
    ----------
    key : str
        Shown once: only its digest is kept.
    holder : ApiKey
    """

    key: str
    holder: ApiKey

    def to_dict(self) -> dict[str, Any]:
        """Return it JSON-ready, the key included."""
        return {"key": self.key, **told(self.holder, datetime.now(UTC))}


def add_key(
    config: Path | str | Settings | None,
    name: str,
    *,
    scopes: frozenset[Scope],
    limit: RateLimit | None = None,
    expires_at: datetime | None = None,
) -> NewKey:
    """Make a key and keep its digest.

    Parameters
    ----------
    config : path or Settings, optional
        ``[serve] keys`` says where keys are kept.
    name : str
        Who will hold it; stands in logs and metrics.
    scopes : frozenset of str
        What it may do.
    limit : RateLimit, optional
        How often.
    expires_at : datetime, optional
        When it ends; aware, and to come.

    Raises
    ------
    ConfigError
        If there is such a key already, its end is past, or the file cannot be used.
    """
    path, now = keys_path(config), datetime.now(UTC)
    _in_future(expires_at, now)
    key, digest = _made()
    holder = ApiKey(_name(name), scopes, now, limit, expires_at, digests=(digest,))
    with held(path):
        keys = read_keys(path)
        if any(known.name == name for known in keys):
            msg = (
                f"there is a key {name} already: choose another name, exchange it with `leadml "
                f"keys rotate {name}`, or take it away with `leadml keys revoke {name}`"
            )
            raise ConfigError(msg)
        write_keys(path, [*keys, holder])
    return NewKey(key, holder)


def rotate_key(
    config: Path | str | Settings | None, name: str, *, overlap: timedelta = timedelta(hours=24)
) -> NewKey:
    """Make a new key for a holder; the present one keeps working for `overlap`.

    Raises
    ------
    ConfigError
        If there is no such key, it has expired, or the file cannot be used.
    """
    path, now = keys_path(config), datetime.now(UTC)
    key, digest = _made()
    with held(path):
        keys = read_keys(path)
        known = _known(keys, name)
        if known.expires_at is not None and known.expires_at <= now:
            msg = f"the key {name} has expired: revoke it, then add it anew"
            raise ConfigError(msg)
        kept = _kept(known.digests, now, now + overlap)
        holder = replace(known, rotated_at=now, digests=(*kept, digest))
        write_keys(path, [holder if each is known else each for each in keys])
    return NewKey(key, holder)


def revoke_key(config: Path | str | Settings | None, name: str) -> dict[str, Any]:
    """Take a key away at once, and those it took the place of; return what was known of it.

    Raises
    ------
    ConfigError
        If there is no such key, or the file cannot be used.
    """
    path = keys_path(config)
    with held(path):
        keys = read_keys(path)
        known = _known(keys, name)
        write_keys(path, [key for key in keys if key is not known])
    return told(known, datetime.now(UTC))


def list_keys(config: Path | str | Settings | None = None) -> list[dict[str, Any]]:
    """Return what is known of every key: never the key, never its digest.

    Raises
    ------
    ConfigError
        If the file cannot be used.
    """
    now = datetime.now(UTC)
    return [told(key, now) for key in read_keys(keys_path(config))]


def told(key: ApiKey, now: datetime) -> dict[str, Any]:
    """Return what anybody may know of a key, JSON-ready."""
    old = [digest for digest in key.digests[:-1] if digest.until and digest.until > now]
    return {
        "name": key.name,
        "id": key.digests[-1].id,
        "scopes": sorted(key.scopes),
        "limit": None if key.limit is None else str(key.limit),
        "created_at": iso(key.created_at),
        "expires_at": key.expires_at and iso(key.expires_at),
        "expired": key.expires_at is not None and key.expires_at <= now,
        "rotated_at": key.rotated_at and iso(key.rotated_at),
        "old_key_until": max((iso(each.until) for each in old if each.until), default=None),
    }


def keys_path(config: Path | str | Settings | None = None) -> Path:
    """Return where a configuration keeps its keys."""
    return load_settings(config).keys_file


def _made() -> tuple[str, KeyDigest]:
    name = "".join(secrets.choice(_ID_LETTERS) for _ in range(_ID_LENGTH))
    key = f"{PREFIX}{name}_{secrets.token_urlsafe(_SECRET_BYTES)}"
    return key, KeyDigest(name, sha256(key.encode()).hexdigest())


def _kept(digests: Sequence[KeyDigest], now: datetime, until: datetime) -> tuple[KeyDigest, ...]:
    """Return the keys that still hold, none of them beyond `until`."""
    ends = [(each, min(each.until, until) if each.until else until) for each in digests]
    return tuple(replace(each, until=end) for each, end in ends if end > now)


def _known(keys: Sequence[ApiKey], name: str) -> ApiKey:
    for key in keys:
        if key.name == name:
            return key
    names = ", ".join(key.name for key in keys) or "none"
    msg = f"there is no key {name!r}; the keys are: {names}"
    raise ConfigError(msg)


def _name(text: str) -> str:
    try:
        return key_name(text)
    except ValueError as error:
        raise ConfigError(str(error)) from None


def _in_future(moment: datetime | None, now: datetime) -> None:
    if moment is not None and moment <= now:
        msg = f"a key that ends {iso(moment)} would never work: expected a time to come"
        raise ConfigError(msg)
