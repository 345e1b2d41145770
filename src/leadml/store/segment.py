"""One file of a journal: its one writer adds to its end, and notes up to where it was read."""

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from zlib import crc32

from leadml.store.frames import Frames, frames_in

SUFFIX = ".journal"

_TITLE = b"leadml journal\n"
START = len(_TITLE) + 26
"""Where entries begin, behind the note of the place."""


class Segment:
    """An open file of a journal, locked unless it is another living writer's.

    The lock (``flock``) ends with its process, however that ends: a file that can be locked has no
    writer any more. Use `create`, `adopt` or `look` to make one.

    Attributes
    ----------
    path : Path
        The file.
    place : int
        Up to where its entries are in the ledger.
    end : int
        Where the next entry goes.
    waiting : int
        Entries between the two; of a file that was adopted, as many as it has lines.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._file = descriptor
        self.end = os.fstat(descriptor).st_size
        self.place = self._noted_place()
        self.waiting = 0
        self._synced = self.place

    @classmethod
    def create(cls, path: Path) -> "Segment":
        """Make a new file and lock it; nobody sees it before it is locked.

        Raises
        ------
        OSError
            If it cannot be made.
        """
        early = path.with_suffix(".new")
        descriptor = os.open(early, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _write_all(descriptor, _TITLE + _note(START), 0)
            early.rename(path)
            _sync_folder(path.parent)
            return cls(path, descriptor)
        except BaseException:
            os.close(descriptor)
            early.unlink(missing_ok=True)
            raise

    @classmethod
    def adopt(cls, path: Path) -> "Segment | None":
        """Lock a file whose writer is no more; None where it lives or another adopted it."""
        segment = cls.look(path)
        if segment is None:
            return None
        try:
            fcntl.flock(segment._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            segment.close()
            return None
        if segment.is_gone:
            segment.close()
            return None
        segment.end = os.fstat(segment._file).st_size
        segment.place = segment._noted_place()
        segment.waiting = segment._lines()
        return segment

    @classmethod
    def look(cls, path: Path) -> "Segment | None":
        """Open a file without locking it; None where it cannot be opened."""
        try:
            return cls(path, os.open(path, os.O_RDWR | os.O_CLOEXEC))
        except OSError:
            return None

    @property
    def is_gone(self) -> bool:
        """Whether the file was deleted: what is written to it would end with this process."""
        return os.fstat(self._file).st_nlink == 0

    @property
    def is_empty(self) -> bool:
        """Whether all of it is in the ledger."""
        return self.place >= self.end

    def append(self, entries: bytes, count: int) -> None:
        """Add entries: all of them, or none.

        Raises
        ------
        OSError
            If they cannot be written, for one because the disk is full.
        """
        try:
            _write_all(self._file, entries, self.end)
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._file, self.end)
            raise
        self.end += len(entries)
        self.waiting += count

    def read(self, end: int, most: int, size: int) -> Frames:
        """Read up to `most` entries from the place on, of about `size` bytes, as far as `end`.

        The end of what is returned is one of the file.
        """
        data = os.pread(self._file, min(size, end - self.place), self.place)
        whole = self.place + len(data) >= end or not data
        frames = frames_in(data, whole=whole, most=most)
        if not frames.end and frames.wanted > len(data):
            return self.read(end, most, frames.wanted)
        return Frames(frames.payloads, self.place + frames.end, 0, frames.damaged)

    def note(self, place: int) -> None:
        """Note that all up to a place is in the ledger."""
        self.place = place
        with suppress(OSError):  # what is read twice is recorded once
            os.pwrite(self._file, _note(place), len(_TITLE))

    def empty(self) -> None:
        """Take out all entries: they are in the ledger.

        The note comes first: a kill in between makes them read twice. After it, entries added later
        could be taken for those that are in the ledger.

        Raises
        ------
        OSError
            If it cannot be done: the file is as it was, or is read twice.
        """
        os.pwrite(self._file, _note(START), len(_TITLE))
        os.ftruncate(self._file, START)
        self.place = self.end = self._synced = START

    def sync(self) -> None:
        """Wait until the disk has all that was added by now.

        Raises
        ------
        OSError
            If it cannot take it.
        """
        end = self.end
        if end > max(self._synced, self.place):
            os.fdatasync(self._file)
            self._synced = end

    def remove(self) -> None:
        """Delete the file."""
        self.path.unlink(missing_ok=True)
        self.close()

    def close(self) -> None:
        """Close and unlock the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _lines(self) -> int:
        lines, position = 0, self.place
        while data := os.pread(self._file, 1 << 20, position):
            lines += data.count(b"\n")
            position += len(data)
        return lines

    def _noted_place(self) -> int:
        """Return the place noted; where that was damaged, the first."""
        note = os.pread(self._file, START - len(_TITLE), len(_TITLE))
        try:
            place = int(note[:16], 16)
        except ValueError:
            return START
        return place if note == _note(place) and START <= place <= self.end else START


def _note(place: int) -> bytes:
    digits = b"%016x" % place
    return b"%b %08x\n" % (digits, crc32(digits))


def _write_all(descriptor: int, data: bytes, offset: int) -> None:
    written = os.pwrite(descriptor, data, offset)
    while written < len(data):  # a disk that fills takes a part, and says why the next time
        written += os.pwrite(descriptor, memoryview(data)[written:], offset + written)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
