"""Which keys open the service: those of the environment, and those of the keys file, as it stands.

The file is looked at twice a second at most, by each worker for itself. One that cannot be used
changes nothing: the keys it last held stay, and the log says why.
"""

import hmac
import logging
import math
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

from leadml.domain.api_key import ADMIN_SCOPES, KEY_SCOPES, ApiKey, RateLimit
from leadml.errors import ConfigError
from leadml.settings import Settings
from leadml.workflows.key_file import read_keys
from leadml.workflows.keys import PREFIX

LOOK_SECONDS = 0.5
_PREFIX = PREFIX.encode()

log = logging.getLogger("leadml.api")


@dataclass(frozen=True)
class Caller:
    """Who holds a key.

    Attributes
    ----------
    name : str
        For the log: the key's name, or its place among those of the environment; never the key.
    scopes : frozenset of str
    limit : RateLimit or None
    mark : bytes
        Tells the key from others, to those who keep a secret beside it.
    """

    name: str
    scopes: frozenset[str]
    limit: RateLimit | None = None
    mark: bytes = field(default=b"", repr=False)


@dataclass(frozen=True)
class _Held:
    caller: Caller
    until: float = math.inf


class Keyring:
    """Tells who holds a key.

    Parameters
    ----------
    keys, admin_keys : collection of str
        Keys of the environment; one among both may do everything.
    file : Path, optional
        The keys file.
    needed : bool
        Whether a key is needed whatever is found: what was closed once stays so, without its file.
    clock : callable
        Seconds since 1970.

    Raises
    ------
    ConfigError
        If the file cannot be used: a service does not start without knowing its keys.
    """

    def __init__(
        self,
        keys: Collection[str] = (),
        admin_keys: Collection[str] = (),
        file: Path | None = None,
        *,
        needed: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        named = [("key", KEY_SCOPES, keys), ("admin key", ADMIN_SCOPES, admin_keys)]
        self._plain = tuple(
            Caller(f"{kind} {number}", scopes, mark=sha256(key.encode()).digest())
            for kind, scopes, given in named
            for number, key in enumerate(given, 1)
        )
        self._file, self._clock = file, clock
        self._by_id: dict[bytes, _Held] = {}
        self._next_look, self._seen = 0.0, _stamp(file)
        if file is not None:
            self._by_id = _held(read_keys(file))
        self._needed = needed or bool(self._plain) or self._seen is not None
        if needed and not self._plain and self._seen is None:
            log.error("the keys file %s is gone: until it is back every key is refused", file)

    @classmethod
    def of(cls, settings: Settings, *, needed: bool = False) -> "Keyring":
        """Return the keys of a configuration; `needed` where a service that runs needs one."""
        file = settings.keys_file
        if settings.serve.keys is not None and not file.exists() and not needed:
            msg = (
                f"[serve] keys names {file}, and there is no such file: make a key with `leadml "
                "keys add NAME --scopes score,events`, or leave keys out"
            )
            raise ConfigError(msg)
        return cls(settings.api_keys, settings.admin_keys, file, needed=needed)

    @property
    def needed(self) -> bool:
        """Whether a key is needed: where there is one, or a keys file, even one without keys.

        A worker that starts after the last key was revoked is as closed as those that run.
        """
        self._look()
        return self._needed

    def caller(self, fields: Mapping[bytes, bytes]) -> Caller | None:
        """Return who holds the key that a request's headers show; None for none that is known.

        Of two keys both have to be known, and the caller may do what both may.
        """
        found: Caller | None = None
        for key in keys_shown(fields):
            holder = self.holder(key)
            if holder is None:
                return None
            found = replace(holder, scopes=found.scopes & holder.scopes) if found else holder
        return found

    def holder(self, key: bytes) -> Caller | None:
        """Return who holds a key; the comparison takes the same time whichever fits.

        The id in a key is no secret: it says with which digest to compare.
        """
        self._look()
        given = sha256(key).digest()
        found: Caller | None = None
        for caller in self._plain:
            if hmac.compare_digest(caller.mark, given):
                found = caller  # of two that fit the later: an administrator's
        if found is None and key.startswith(_PREFIX):
            held = self._by_id.get(key[len(_PREFIX) :].partition(b"_")[0])
            fits = held is not None and hmac.compare_digest(held.caller.mark, given)
            if held is not None and fits and self._clock() < held.until:
                found = held.caller
        return found

    @property
    def working(self) -> bool:
        """Whether there is a key that works now."""
        return next(self.callers(), None) is not None

    def callers(self) -> Iterator[Caller]:
        """Return everybody who holds a key that works now."""
        self._look()
        yield from self._plain
        now = self._clock()
        yield from (held.caller for held in self._by_id.values() if now < held.until)

    def _look(self) -> None:
        """Follow the file; keep what is known where it cannot be used or is gone."""
        now = time.monotonic()
        if self._file is None or now < self._next_look:
            return
        self._next_look = now + LOOK_SECONDS
        stamp = _stamp(self._file)
        if stamp == self._seen:
            return
        self._seen = stamp
        problem = self._follow(self._file, gone=stamp is None)
        if problem:
            log.error("%s; the keys known before keep working", problem)

    def _follow(self, file: Path, *, gone: bool) -> str:
        """Take what the file holds now; return why not, if not."""
        if gone:
            return f"the keys file {file} is gone (to take keys away: leadml keys revoke)"
        try:
            self._by_id = _held(read_keys(file))
        except ConfigError as error:
            return str(error)
        self._needed = True
        log.info("audit: the keys file was read anew: %d keys", len(self._by_id))
        return ""


def keys_shown(fields: Mapping[bytes, bytes]) -> list[bytes]:
    """Return the keys that a request shows, all of which have to fit; empty where one is none."""
    keys = [fields[b"x-api-key"]] if b"x-api-key" in fields else []
    if b"authorization" in fields:
        scheme, _, token = fields[b"authorization"].partition(b" ")
        keys.append(token.strip() if scheme.lower() == b"bearer" else b"")
    return keys


def _held(keys: list[ApiKey]) -> dict[bytes, _Held]:
    """Return the keys of a file by their ids."""
    found: dict[bytes, _Held] = {}
    for key in keys:
        for digest in key.digests:
            caller = Caller(key.name, key.scopes, key.limit, bytes.fromhex(digest.sha256))
            ends = key.ends(digest)
            until = math.inf if ends is None else ends.timestamp()
            found[digest.id.encode()] = _Held(caller, until)
    return found


def _stamp(file: Path | None) -> tuple[int, ...] | None:
    """Return what changes whenever the file does; None where there is none."""
    try:
        found = file.stat() if file is not None else None
    except OSError:
        return None
    if found is None:
        return None
    return (found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_mode)
