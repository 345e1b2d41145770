"""The keys file: who may ask the service what. It holds digests, never a key.

A key has 256 random bits: nobody can try them out, so one round of SHA-256 keeps it as well as a
slow hash would, and no request notices it. Slow hashes are for what people make up.
"""

import fcntl
import json
import os
import stat
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from leadml.domain.api_key import MOST_KEYS, ApiKey, KeyDigest, key_name, rate_limit, scope_names
from leadml.domain.event import iso
from leadml.errors import ConfigError

FORMAT = 1
MOST_BYTES = 4_000_000
_NOT_KEYS = (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError)
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def read_keys(path: Path) -> list[ApiKey]:
    """Return the keys of a file; none where there is no file.

    Raises
    ------
    ConfigError
        If it cannot be read, others may write it, or it holds anything but keys.
    """
    try:
        content = _trusted_content(path)
    except FileNotFoundError:
        return []
    except OSError as error:
        msg = f"the keys file {path} cannot be read: {error.strerror}"
        raise ConfigError(msg) from None
    try:
        return _keys(json.loads(content))
    except _NOT_KEYS as error:
        why = str(error) if type(error) is ValueError else "it is not as leadml writes it"
        msg = f"the keys file {path} cannot be used: {why}; restore it, or make its keys anew"
        raise ConfigError(msg) from None


def write_keys(path: Path, keys: Sequence[ApiKey]) -> None:
    """Write the keys in one step, for this user's eyes only.

    Raises
    ------
    ConfigError
        If it cannot be written, or there are more than 1,000 keys.
    """
    if len(keys) > MOST_KEYS:
        msg = f"a keys file holds {MOST_KEYS:,} keys at most: revoke those no longer used"
        raise ConfigError(msg)
    content = {"format": FORMAT, "keys": [_written(key) for key in keys]}
    try:
        _replace(path, json.dumps(content, indent=1) + "\n")
    except OSError as error:
        msg = f"the keys file {path} cannot be written: {error.strerror}"
        raise ConfigError(msg) from None


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Keep other commands from changing the file meanwhile: its folder is locked.

    Raises
    ------
    ConfigError
        If there is no such folder.
    """
    try:
        folder = os.open(path.parent, os.O_RDONLY)
    except OSError as error:
        msg = f"the folder of the keys file {path} cannot be used: {error.strerror}"
        raise ConfigError(msg) from None
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _trusted_content(path: Path) -> bytes:
    """Read a file that nobody but its owner can have written, and its owner is us or root."""
    with path.open("rb") as file:
        found = os.fstat(file.fileno())
        if found.st_mode & _OTHERS_WRITE:
            mode = stat.S_IMODE(found.st_mode)
            msg = f"the keys file {path} may be written by others (mode {mode:o}): chmod 600 it"
            raise ConfigError(msg)
        if found.st_uid not in {os.geteuid(), 0}:
            msg = f"the keys file {path} belongs to another user, who could write keys into it"
            raise ConfigError(msg)
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        msg = f"the keys file {path} has more than {MOST_BYTES // 1_000_000} MB: it is none"
        raise ConfigError(msg)
    return content


def _replace(path: Path, content: str) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".keys-")  # mode 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _keys(content: dict[str, Any]) -> list[ApiKey]:
    if content["format"] != FORMAT:
        msg = f"it has format {content['format']!r}, this leadml reads format {FORMAT}"
        raise ValueError(msg)
    keys = [_read(given) for given in content["keys"]]
    for what, found in {
        "name": [key.name for key in keys],
        "id": [digest.id for key in keys for digest in key.digests],
    }.items():
        if len(set(found)) < len(found):
            msg = f"two keys have one {what}"
            raise ValueError(msg)
    return keys


def _read(given: dict[str, Any]) -> ApiKey:
    return ApiKey(
        name=key_name(given["name"]),
        scopes=scope_names(given["scopes"]),
        limit=None if given["limit"] is None else rate_limit(given["limit"]),
        created_at=_moment(given["created_at"]),
        expires_at=_perhaps(given["expires_at"]),
        rotated_at=_perhaps(given["rotated_at"]),
        digests=tuple(_digest(each) for each in given["digests"]),
    )


def _digest(given: dict[str, Any]) -> KeyDigest:
    if len(bytes.fromhex(given["sha256"])) != 32 or not given["id"].isalnum():
        msg = "a digest is not one of SHA-256"
        raise ValueError(msg)
    return KeyDigest(given["id"], given["sha256"], _perhaps(given["until"]))


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        msg = "a time has no offset"
        raise ValueError(msg)
    return moment.astimezone(UTC)


def _perhaps(text: str | None) -> datetime | None:
    return None if text is None else _moment(text)


def _written(key: ApiKey) -> dict[str, Any]:
    digests = [
        {"id": each.id, "sha256": each.sha256, "until": each.until and iso(each.until)}
        for each in key.digests
    ]
    return {
        "name": key.name,
        "scopes": sorted(key.scopes),
        "limit": None if key.limit is None else str(key.limit),
        "created_at": iso(key.created_at),
        "expires_at": key.expires_at and iso(key.expires_at),
        "rotated_at": key.rotated_at and iso(key.rotated_at),
        "digests": digests,
    }
