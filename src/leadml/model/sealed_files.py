"""The files of a bundle: read once, held against their seal, of bounded size, never unpickled."""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadml.errors import ModelError

FORMAT = 1
"""Version of the bundle's layout: a newer one is refused."""
MANIFEST = "manifest.json"
RESTORE = "restore it or train again"
MOST_JSON_BYTES = 64_000_000
MOST_BYTES = 2_000_000_000
"""Most that all files of a bundle may have together."""
MOST_FILES = 1_000


@dataclass(frozen=True)
class SealedFiles:
    """A folder whose manifest is as it was sealed.

    Attributes
    ----------
    folder : Path
    manifest : mapping
        With ``files``: name -> sha256 in hexadecimal digits.
    """

    folder: Path
    manifest: Mapping[str, Any]

    @property
    def names(self) -> frozenset[str]:
        """Names of the files that are sealed."""
        return frozenset(self.manifest["files"])

    def verify(self, names: frozenset[str]) -> None:
        """Raise ModelError where one of the files is not as it was sealed."""
        for name in sorted(names):
            path = self._path(name)
            with _readable(path), path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            self._compare(name, digest)

    def content(self, name: str) -> bytes:
        """Return what is in a file: the very bytes that were held against the seal."""
        content = _bytes(self._path(name))
        self._compare(name, hashlib.sha256(content).hexdigest())
        return content

    def json(self, name: str) -> dict[str, Any]:
        """Return the JSON object in a file."""
        return json_object(self.content(name), self.folder / name)

    def hashes(self, name: str) -> NDArray[np.uint64]:
        """Return the 64-bit numbers of a NumPy file, shape (numbers,)."""
        file = BytesIO(self.content(name))
        try:
            shape, _, dtype = _HEADERS[np.lib.format.read_magic(file)](file)
        except Exception:
            shape, dtype = (), np.dtype(object)
        rest = file.read()
        if dtype != np.uint64 or shape != (len(rest) // 8,) or len(rest) % 8:
            msg = f"{self.folder / name} does not hold 64-bit numbers: restore it or train again"
            raise ModelError(msg)
        return np.frombuffer(rest, np.uint64)

    def _path(self, name: str) -> Path:
        path = self.folder / name
        if name not in self.manifest["files"]:
            msg = (
                f"{self.folder}: {name} is not sealed by manifest.json: the bundle is damaged, "
                "restore it"
            )
            raise ModelError(msg)
        if not _is_file(path):
            msg = f"{path} is missing: the bundle is incomplete, restore it or train again"
            raise ModelError(msg)
        return path

    def _compare(self, name: str, digest: str) -> None:
        if digest != self.manifest["files"][name]:
            path = self.folder / name
            msg = f"{path} was changed since the bundle was sealed: restore it or train again"
            raise ModelError(msg)


_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def open_sealed(folder: Path) -> SealedFiles:
    """Read the manifest of a bundle, and hold it against its seal.

    Raises
    ------
    ModelError
        If it is missing, damaged, of another format, names files beyond the bundle, or more than a
        bundle may hold.
    """
    manifest = read_json(
        folder / MANIFEST, hint="train a model with `leadml train`, or restore the file"
    )
    _check_format(manifest.get("format"), folder)
    if manifest.get("seal") != seal_of(manifest) or not isinstance(manifest.get("files"), dict):
        msg = f"{folder / MANIFEST} was changed since it was sealed: restore it"
        raise ModelError(msg)
    for name in manifest["files"]:
        if Path(name).name != name or name == "..":
            msg = f"{folder}: manifest.json names {name}, which is not in the bundle: restore it"
            raise ModelError(msg)
    _check_size(manifest["files"], folder)
    return SealedFiles(folder, manifest)


def _check_format(version: object, folder: Path) -> None:
    if version == FORMAT and not isinstance(version, bool):
        return
    newer = isinstance(version, int) and version > FORMAT
    advice = "upgrade leadml" if newer else "use the leadml that wrote it"
    what = "is newer than" if newer else "is not"
    known = f"{FORMAT}, which this leadml reads" if newer else FORMAT
    msg = f"{folder}: bundle format {version!r:.40} {what} {known}: {advice}, or train again"
    raise ModelError(msg)


def _check_size(files: Mapping[str, Any], folder: Path) -> None:
    paths = [folder / name for name in list(files)[: MOST_FILES + 1]]
    size = sum(path.stat().st_size for path in paths if _is_file(path))
    if len(files) > MOST_FILES or size > MOST_BYTES:
        msg = (
            f"{folder}: a bundle may hold {MOST_FILES:,} files and {MOST_BYTES // 10**9} GB, and "
            f"manifest.json names {len(files):,} files of {size / 1e9:.1f} GB: train again"
        )
        raise ModelError(msg)


def seal_of(manifest: Mapping[str, Any]) -> str:
    """Return the sha256 of a manifest's content, its own seal left out."""
    content = {key: value for key, value in manifest.items() if key != "seal"}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def digest_of(path: Path) -> str:
    """Return the sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_json(path: Path, *, hint: str, advice: str = RESTORE) -> dict[str, Any]:
    """Return the JSON object in a file that no seal covers.

    `hint` says what to do without it, `advice` what to do where it is damaged.

    Raises
    ------
    ModelError
        If it is missing, too large, or holds something else.
    """
    if not _is_file(path):
        msg = f"{path} is missing: {hint}"
        raise ModelError(msg)
    return json_object(_bytes(path), path, advice=advice)


def json_object(content: bytes, path: Path, *, advice: str = RESTORE) -> dict[str, Any]:
    """Return the JSON object in the bytes of a file."""
    try:
        found = json.loads(content, parse_constant=_no_number)
    except (ValueError, RecursionError, MemoryError) as error:
        msg = f"{path} cannot be read as JSON ({error}): {advice}"
        raise ModelError(msg) from None
    if not isinstance(found, dict):
        msg = f"{path} does not hold a JSON object: {advice}"
        raise ModelError(msg)
    return found


def _no_number(word: str) -> float:
    msg = f"{word} is no number"
    raise ValueError(msg)


def _bytes(path: Path) -> bytes:
    most = MOST_JSON_BYTES if path.suffix == ".json" else MOST_BYTES
    with _readable(path), path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size <= most:
            return file.read(size)
    msg = f"{path} is larger than {most // 10**6:,} MB: restore it or train again"
    raise ModelError(msg)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        msg = f"{path} cannot be read ({error.strerror}): restore it or train again"
        raise ModelError(msg) from None


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
