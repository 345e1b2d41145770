"""How often each key asks, counted over all workers in one small file.

A bucket of tokens, kept as the one moment at which it will be full again (the generic cell rate
algorithm of ITU-T I.371): a request moves that moment on by its share of the limit's time, and has
to wait where the bucket would be full no sooner than that time from now. One number a key, so what
workers share is an array, mapped into the memory of each, and changed under the file's lock.
"""

import fcntl
import hashlib
import logging
import mmap
import os
import struct
import time
from collections.abc import Callable
from pathlib import Path

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
        Where workers count together; made when the first key with a limit asks. Where it cannot be
        made each worker counts for itself, and the log says so.
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
        self._memory: mmap.mmap | None = None
        self._handle = -1
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
        memory = self._memory or self._opened()
        if self._handle >= 0:
            fcntl.flock(self._handle, fcntl.LOCK_EX)
        try:
            return self._counted(memory, self._place(memory, name), limit)
        finally:
            if self._handle >= 0:
                fcntl.flock(self._handle, fcntl.LOCK_UN)

    def _counted(self, memory: mmap.mmap, place: int, limit: RateLimit) -> float:
        now, share = self._clock(), limit.seconds / limit.count
        mark, full_at = _SLOT.unpack_from(memory, place)
        if not now <= full_at <= now + limit.seconds + share:
            full_at = now  # full; or of before the machine, or the limit, was another
        wait = full_at + share - (now + limit.seconds)
        if wait > _LEAST:
            return float(wait)
        _SLOT.pack_into(memory, place, mark, full_at + share)
        return 0.0

    def _place(self, memory: mmap.mmap, name: str) -> int:
        """Return where a name is counted: its own slot, or the one that was used longest ago."""
        mark = hashlib.blake2s(name.encode(), digest_size=_NAME_BYTES).digest()
        known = self._places.get(name)
        if known is not None and memory[known : known + _NAME_BYTES] == mark:
            return known
        first = int.from_bytes(mark[:4], "little") % SLOTS
        places = [((first + n) % SLOTS) * _SLOT.size for n in range(SLOTS)]
        for place in places:
            found = memory[place : place + _NAME_BYTES]
            if found in {mark, _NOBODY}:
                break
        else:
            place = min(places, key=lambda each: _SLOT.unpack_from(memory, each)[1])
            found = b""
        if found != mark:
            _SLOT.pack_into(memory, place, mark, 0.0)
        self._places[name] = place
        return place

    def _opened(self) -> mmap.mmap:
        size = SLOTS * _SLOT.size
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            self._handle = os.open(self._file, flags, 0o600)
            os.truncate(self._handle, size)  # bytes that were not there are 0: nobody's
            self._memory = mmap.mmap(self._handle, size)
        except OSError as error:
            self._handle = -1
            self._memory = mmap.mmap(-1, size)
            log.warning(
                "%s cannot be used (%s): limits of keys hold for each worker, not for all",
                self._file,
                error.strerror,
            )
        return self._memory
