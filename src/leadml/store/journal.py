"""Scores on their way to the ledger: in a file before they are answered, so that a kill costs none.

Every process that serves writes files of its own into one folder; what a file holds is taken to the
ledger in groups, and a file of which all is there is deleted or emptied. Files whose process is no
more are adopted by a living one.
"""

import hashlib
import os
import secrets
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from leadml.errors import StoreError
from leadml.store.frames import MOST_BYTES, framed
from leadml.store.segment import START, SUFFIX, Segment

SEGMENT_BYTES = 8_000_000
"""A file that has grown so long gets no further entries."""
GROUP = 1_000
"""Most entries that are given at once."""
READ_BYTES = 2_000_000
"""Bytes that are read at once."""
ROOM = 100_000
"""Scores that may wait in one process."""
ROOM_BYTES = 256_000_000
"""Bytes that may wait in one process."""
SWEEP = "sweep"
"""The file of the folder that, touched, asks every process to begin a new file."""


@dataclass(frozen=True)
class Group:
    """Entries read from one file, oldest first.

    Attributes
    ----------
    payloads : list of bytes
        Up to `GROUP`; none where only damage was found.
    damaged : int
        Stretches among them that are no entry: a process was killed, or a power failure came, in
        the middle of writing them, or the disk changed them. No answer said they were recorded
        unless the disk changed them.
    segment : Segment
        Their file.
    end : int
        Where they end in it.
    """

    payloads: list[bytes]
    damaged: int
    segment: Segment
    end: int


class Journal:
    """The journal of one process.

    `append` and `sync` may be called by any thread, the other methods by one at a time.

    Parameters
    ----------
    folder : Path
        Made where it is not there; only this user may look into it.
    ledger : str
        Where the entries belong, without any password: those of another ledger are left alone.

    Attributes
    ----------
    waiting, waiting_bytes : int
        Entries of this process, and of those that it adopted, that are not yet in the ledger.
    """

    def __init__(self, folder: Path, ledger: str) -> None:
        self.folder = folder
        self._tag = hashlib.blake2b(ledger.encode(), digest_size=4).hexdigest()
        self._name = f"{self._tag}-{os.getpid()}-{secrets.token_hex(4)}"
        self._number = 0
        self._lock = threading.Lock()
        self._syncing = threading.Lock()  # taken before the other one
        self._current: Segment | None = None
        self._older: list[Segment] = []
        self._swept = _changed_at(folder / SWEEP)
        self.waiting = 0
        self.waiting_bytes = 0

    @property
    def is_open(self) -> bool:
        """Whether entries are taken."""
        return self._current is not None

    @property
    def is_full(self) -> bool:
        """Whether no more may wait."""
        return self.waiting >= ROOM or self.waiting_bytes >= ROOM_BYTES

    @property
    def is_behind(self) -> bool:
        """Whether there are files that get no further entries and wait to be deleted."""
        return bool(self._older)

    def open(self) -> None:
        """Make the folder and a file to write to; nothing happens where there is one.

        Raises
        ------
        StoreError
            If they cannot be made.
        """
        if self._current is None:
            self._renew()

    def append(self, payloads: list[bytes]) -> None:
        """Add entries; when this returns, killing the process does not take them back.

        Raises
        ------
        OSError
            If they cannot be written: none of them is kept.
        """
        if max(map(len, payloads)) > MOST_BYTES:
            msg = f"an entry has more than {MOST_BYTES:,} bytes"
            raise OSError(msg)
        entries = framed(payloads[0]) if len(payloads) == 1 else b"".join(map(framed, payloads))
        with self._lock:
            if self._current is None:
                msg = "the journal is closed"
                raise OSError(msg)
            self._current.append(entries, len(payloads))
            self.waiting += len(payloads)
            self.waiting_bytes += len(entries)

    def sync(self) -> None:
        """Wait until the disk has all that was added by now: then a power failure costs none.

        Raises
        ------
        OSError, StoreError
            If it cannot take it; further entries go to a new file, if one can be made.
        """
        with self._syncing:
            try:
                for segment in self._segments():
                    segment.sync()
            except OSError:
                self._renew()
                raise

    def groups(self) -> Iterator[Group]:
        """Yield what waits now, file by file; `done` must be called on each before the next.

        What is added meanwhile is left for later: else, under load, every group would be as small
        as its predecessor was quick.
        """
        for segment in self._segments():
            yield from _groups(segment)
            self._clear(segment)

    def done(self, group: Group) -> None:
        """Note that a group is in the ledger."""
        segment = group.segment
        with self._lock:
            self.waiting_bytes -= group.end - segment.place
            self._take_off(segment, len(group.payloads))
            segment.note(group.end)

    def others(self) -> Iterator[Group]:
        """Yield what waits in files of other living processes, which take it to the ledger, too."""
        for path in self._others():
            segment = Segment.look(path)
            if segment is not None:
                try:
                    yield from _groups(segment, foreign=True)
                finally:
                    segment.close()

    @property
    def is_alone(self) -> bool:
        """Whether no other process's file holds anything."""
        return not self.held()

    def adopt(self) -> int:
        """Take over the files of processes that are no more; return how many."""
        adopted = [segment for path in self._others() if (segment := Segment.adopt(path))]
        with self._lock:
            for segment in adopted:
                self._older.append(segment)
                self.waiting += segment.waiting
                self.waiting_bytes += max(0, segment.end - segment.place)
        return len(adopted)

    def tidy(self) -> bool:
        """Begin a new file where `sweep` asked for it, or this one is full or was deleted.

        Returns
        -------
        swept : bool
            Whether `sweep` asked.

        Raises
        ------
        StoreError
            If no new file can be made.
        """
        asked = _changed_at(self.folder / SWEEP)
        swept = asked != self._swept
        current = self._current
        if current and (swept or current.end >= SEGMENT_BYTES or current.is_gone):
            self._renew()
        self._swept = asked
        return swept

    def sweep(self) -> None:
        """Ask every process that writes to the folder to begin a new file.

        Raises
        ------
        StoreError
            If the folder cannot be written.
        """
        mark = self.folder / SWEEP
        try:
            mark.touch(0o600)
            os.utime(mark)
        except OSError as error:
            raise StoreError(_unwritable(self.folder, error)) from None

    def held(self) -> set[str]:
        """Return the names of other processes' files that hold or held anything."""
        return {path.name for path in self._others() if _size_of(path) > START}

    def strangers(self) -> int:
        """Count the files that hold scores for another ledger and that no process writes to."""
        names = (name for name in _names(self.folder) if not name.startswith(f"{self._tag}-"))
        return sum(_is_left(self.folder / name) for name in names)

    def close(self) -> None:
        """Take no more entries; delete the files of which all is in the ledger, leave the others.

        Raises
        ------
        OSError
            If the disk cannot take what is left.
        """
        with self._syncing:
            with self._lock:
                segments, self._current, self._older = self._segments(), None, []
            try:
                for segment in segments:
                    segment.sync()
            finally:
                for segment in segments:
                    segment.remove() if segment.is_empty else segment.close()

    def _renew(self) -> None:
        """Let entries go to a new file from now on."""
        self._number += 1
        path = self.folder / f"{self._name}-{self._number:06}{SUFFIX}"
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            segment = Segment.create(path)
        except OSError as error:
            raise StoreError(_unwritable(self.folder, error)) from None
        with self._lock:
            if self._current is not None:
                self._older.append(self._current)
            self._current = segment

    def _clear(self, segment: Segment) -> None:
        """Delete a file of which all is in the ledger; empty the one that is written to."""
        with self._syncing:
            with self._lock:
                if not segment.is_empty:
                    return
                self._take_off(segment, segment.waiting)
                if segment is self._current:
                    if segment.end > START:
                        segment.empty()
                    return
                self._older.remove(segment)
            segment.remove()

    def _take_off(self, segment: Segment, count: int) -> None:
        count = min(count, segment.waiting)
        segment.waiting -= count
        self.waiting -= count

    def _segments(self) -> list[Segment]:
        current = self._current
        return [*self._older, current] if current else list(self._older)

    def _others(self) -> list[Path]:
        """Return the files that lead to this ledger and are not this process's."""
        mine = {segment.path.name for segment in self._segments()}
        names = (name for name in _names(self.folder) if name.startswith(f"{self._tag}-"))
        return [self.folder / name for name in names if name not in mine]


def _groups(segment: Segment, *, foreign: bool = False) -> Iterator[Group]:
    """Yield what a file holds beyond its place; of a foreign file the place is not noted in it."""
    end = segment.end
    while segment.place < end:
        begin = segment.place
        frames = segment.read(end, GROUP, READ_BYTES)
        yield Group(list(frames.payloads), frames.damaged, segment, frames.end)
        if foreign:
            segment.place = frames.end
        if segment.place == begin:
            return


def _is_left(path: Path) -> bool:
    segment = Segment.adopt(path)
    if segment is None:
        return False
    segment.close()
    return not segment.is_empty


def _unwritable(folder: Path, error: OSError) -> str:
    return (
        f"the journal {folder} cannot be written: {error.strerror or error}; give this user the "
        "right to, make room, or name another folder in [store] journal"
    )


def _names(folder: Path) -> list[str]:
    try:
        return sorted(path.name for path in folder.glob(f"*{SUFFIX}"))
    except OSError:
        return []


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _changed_at(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
