"""Watches which versions are named: a thread of each process looks about once a second.

Looking costs the reading of one small file and a few `stat` calls. Nothing is asked of the file
system but that: it works on network drives and in containers, and before there is a models folder.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Hashable, Iterator
from pathlib import Path

from leadml.errors import ModelError
from leadml.model.bundle import ALIASES, VERSIONS, read_aliases

SECONDS = 1.0
"""Between two looks."""
SETTLED_SECONDS = 2.5
"""Age from which a change cannot hide another behind the same time: file systems count in up to two
seconds."""

log = logging.getLogger("leadml.api")

Mark = tuple[str, int, int, int, int]
"""Of a file: path, inode, size, and when its content and it itself last changed, in ns."""


class Watch:
    """Does something whenever the names of the versions, or what is named, have changed.

    Parameters
    ----------
    models : Path
        Folder with ``aliases.json``; need not exist yet. What is found now is what the first look
        is compared with.
    act : callable
        What is done about a change, on the watching thread.
    seconds : float
        Between two looks.
    """

    def __init__(
        self, models: Path, act: Callable[[], object], *, seconds: float = SECONDS
    ) -> None:
        self._models, self._act, self._seconds = models, act, seconds
        self._seen, self._settled = _marks(models)
        self._end = threading.Event()

    def start(self) -> None:
        """Start looking."""
        self._end.clear()
        threading.Thread(target=self._run, name="leadml watch", daemon=True).start()

    def close(self) -> None:
        """Stop looking; a load under way ends by itself, nobody waits for it."""
        self._end.set()

    def look(self) -> bool:
        """Look once; return whether something was done.

        What changed a moment ago is looked at again when it has settled: a second change within
        the file system's step of time leaves the very same marks.
        """
        seen, settled = _marks(self._models)
        if seen == self._seen and settled == self._settled:
            return False
        changed = seen != self._seen or settled
        self._seen, self._settled = seen, settled
        if changed:
            self._act()
        return changed

    def _run(self) -> None:
        while not self._end.wait(self._seconds):
            try:
                self.look()
            except Exception as fault:  # whatever it was, the next look may succeed
                log.error("looking for another champion failed: %s", type(fault).__name__)  # noqa: TRY400


def _marks(models: Path) -> tuple[Hashable, bool]:
    """Return what tells one state of the models folder from another, and whether it has settled."""
    files = tuple(_files(models))
    newest = max((max(mark[3:]) for mark in files), default=0)
    settled = abs(time.time() - newest / 1e9) > SETTLED_SECONDS
    return (_content(models / ALIASES), files), settled


def _content(path: Path) -> bytes | None:
    """Return the names themselves: of these not even the same second hides a change."""
    try:
        if not path.is_file():  # opening a pipe would wait for its writer
            return None
        with path.open("rb") as file:
            return file.read(1_000_000)
    except OSError:
        return None


def _files(models: Path) -> Iterator[Mark]:
    """Yield the marks of every file of the versions that are named."""
    try:
        named = sorted({Path(of["bundle"]).name for of in read_aliases(models).values()})
    except ModelError:
        return
    for name in named:
        yield from _marks_in(models / VERSIONS / name)


def _marks_in(folder: Path) -> list[Mark]:
    try:
        with os.scandir(folder) as entries:
            return sorted(_mark(entry) for entry in entries)
    except OSError:  # gone, or on its way here
        return []


def _mark(entry: "os.DirEntry[str]") -> Mark:
    found = entry.stat()
    return entry.path, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
