"""How often each key asks, counted over all workers in one small file.

A bucket of tokens, kept as the one moment at which it will be full again (the generic cell rate
algorithm of ITU-T I.371): a request moves that moment on by its share of the limit's time, and has
to wait where the bucket would be full no sooner than that time from now. One number a key, so what
workers share is an array, read and written under the file's lock. It is not mapped into memory: a
full disk, or a file cut short, would end the process instead of being an error.
"""

import errno
import fcntl
import hashlib
import logging
import os
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol, Self

from leadml.api.access.refusals import TooOften
from leadml.domain.api_key import RateLimit

SLOTS = 2_048
"""Twice as many as there may be keys, so that one is found at once."""
_SLOT = struct.Struct("<16sd")
_NAME_BYTES = 16
_NOBODY = bytes(_NAME_BYTES)
_LEAST = 1e-6  # seconds: less is the rounding of sums

log = logging.getLogger("leadml.api")


class RateLimits:
    """Counts requests by the names of keys.

    Parameters
    ----------
    file : Path
        Where workers count together; made when the first key with a limit asks. While it cannot be
        used each worker counts for itself, and the log says so once.
    refused : callable
        Is told the name of a key whose request is refused.
    clock : callable
        Seconds that never run backwards, the same for all processes of this machine.
    """

    def __init__(
        self,
        file: Path,
        refused: Callable[[str], object] = str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._file, self._refused, self._clock = file, refused, clock
        self._shared: _Shared | None = None
        self._own: _Own | None = None
        self._places: dict[str, int] = {}

    def keep(self, name: str, limit: RateLimit) -> None:
        """Count a request.

        Raises
        ------
        TooOften
            If the limit is reached; then nothing is counted.
        """
        wait = self.wait(name, limit)
        if wait > 0:
            self._refused(name)
            raise TooOften(name, limit, wait)

    def wait(self, name: str, limit: RateLimit) -> float:
        """Count a request; return 0, or in how many seconds it may be made, and count nothing."""
        try:
            if self._shared is None:
                self._shared = _Shared(self._file)
            with self._shared as slots:
                return self._counted(slots, name, limit)
        except OSError as error:
            if self._shared is not None:
                self._shared.close()
                self._shared = None
            return self._counted(self._counting_alone(error), name, limit)

    def _counting_alone(self, error: OSError) -> "_Own":
        """Return the slots of this process, and say when they are needed for the first time."""
        if self._own is None:
            self._own = _Own()
            log.warning(
                "%s cannot be used (%s): limits of keys hold for each worker, not for all",
                self._file,
                error.strerror,
            )
        return self._own

    def _counted(self, slots: "_Slots", name: str, limit: RateLimit) -> float:
        now, share = self._clock(), limit.seconds / limit.count
        place, mark, full_at = self._found(slots, name)
        if not now <= full_at <= now + limit.seconds + share:
            full_at = now  # full; or of before the machine, or the limit, was another
        wait = full_at + share - (now + limit.seconds)
        if wait > _LEAST:
            return wait
        slots.write(place, _SLOT.pack(mark, full_at + share))
        return 0.0

    def _found(self, slots: "_Slots", name: str) -> tuple[int, bytes, float]:
        """Return where a name is counted, its mark, and when its bucket is full.

        That is its own slot, or else the one that was used longest ago.
        """
        mark = hashlib.blake2s(name.encode(), digest_size=_NAME_BYTES).digest()
        known = self._places.get(name)
        if known is not None:
            found, full_at = _SLOT.unpack(slots.read(known, _SLOT.size))
            if found == mark:
                return known, mark, full_at
        held = list(_SLOT.iter_unpack(slots.read(0, SLOTS * _SLOT.size)))
        first = int.from_bytes(mark[:4], "little") % SLOTS
        numbers = [(first + n) % SLOTS for n in range(SLOTS)]
        number = next((n for n in numbers if held[n][0] in {mark, _NOBODY}), None)
        if number is None:
            number = min(numbers, key=lambda n: held[n][1])
        place = self._places[name] = number * _SLOT.size
        return place, mark, held[number][1] if held[number][0] == mark else 0.0


class _Slots(Protocol):
    """Bytes, of which those never written are 0."""

    def read(self, place: int, size: int) -> bytes: ...

    def write(self, place: int, content: bytes) -> None: ...


class _Shared:
    """Slots in a file, held while this is entered; every trouble with it is an `OSError`."""

    def __init__(self, file: Path) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        self._handle = os.open(file, flags, 0o600)

    def __enter__(self) -> Self:
        fcntl.flock(self._handle, fcntl.LOCK_EX)
        return self

    def __exit__(self, *_: object) -> None:
        fcntl.flock(self._handle, fcntl.LOCK_UN)

    def close(self) -> None:
        with suppress(OSError):
            os.close(self._handle)

    def read(self, place: int, size: int) -> bytes:
        return os.pread(self._handle, size, place).ljust(size, b"\0")

    def write(self, place: int, content: bytes) -> None:
        if os.pwrite(self._handle, content, place) < len(content):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class _Own:
    """Slots of this process alone."""

    def __init__(self) -> None:
        self._content = bytearray(SLOTS * _SLOT.size)

    def read(self, place: int, size: int) -> bytes:
        return bytes(self._content[place : place + size])

    def write(self, place: int, content: bytes) -> None:
        self._content[place : place + len(content)] = content
