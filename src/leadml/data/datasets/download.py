"""Fetching a published data set: bounded, checked, written whole or not at all."""

import hashlib
import io
import time
import urllib.request
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlsplit

from leadml.data.datasets.catalogue import Dataset, sha256_of
from leadml.data.writing import write_whole
from leadml.errors import DataError

LARGEST = 64 * 2**20  # bytes; the published archives are below 2 MB
CHUNK = 64 * 2**10
LONGEST = 600.0  # seconds for the whole download
NESTING = 3  # archives within archives

_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Fetched:
    """A data set's file on disk.

    Attributes
    ----------
    path : Path
        The file.
    url : str
        Where it came from; empty if it was there before.
    sha256 : str
        Its checksum.
    """

    path: Path
    url: str
    sha256: str


def fetch_dataset(
    dataset: Dataset,
    folder: Path,
    *,
    url: str | None = None,
    timeout: float = 30.0,
    largest: int = LARGEST,
    progress: Progress = lambda _step, _share: None,
) -> Fetched:
    """Fetch the published file into `folder`; a file already there with its checksum is kept.

    Parameters
    ----------
    dataset : Dataset
        With a checksum.
    folder : Path
        Made if need be.
    url : str, optional
        A mirror of the archive or of the file itself; the checksum decides what is accepted.
    timeout : float
        Seconds without any answer after which the download is given up.
    largest : int
        Bytes beyond which a download or an archive's member is refused.
    progress : callable
        Told what is being done, and the share done.

    Raises
    ------
    DataError
        If the address does not answer, or does not hold the published file, or another file
        stands in its place.
    """
    address = url or dataset.url
    if address is None or dataset.sha256 is None:
        msg = f"{dataset.name} has no official address to fetch from; see {dataset.about}"
        raise DataError(msg)
    target = folder / dataset.file
    if target.exists():
        _refuse_other_file(target, dataset.sha256)
        return Fetched(target, "", dataset.sha256)
    content = _download(address, timeout, largest, progress)
    progress("checking", 1.0)
    published = _published_file(content, dataset, address, largest)
    write_whole(target, lambda part: part.write_bytes(published))
    return Fetched(target, address, dataset.sha256)


def _refuse_other_file(target: Path, sha256: str) -> None:
    found = sha256_of(target)
    if found != sha256:
        msg = (
            f"{target} is there but is not the published file: sha256 {found[:12]}…, "
            f"expected {sha256[:12]}…; move it away and fetch again"
        )
        raise DataError(msg)


def _opener() -> urllib.request.OpenerDirector:
    """Return an opener for http and https only: no files, no ftp, not even by redirection."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener


def _download(address: str, timeout: float, largest: int, progress: Progress) -> bytes:
    if urlsplit(address).scheme not in {"http", "https"}:
        msg = f"{address} is no http or https address"
        raise DataError(msg)
    request = urllib.request.Request(address, headers={"User-Agent": "leadml"})  # noqa: S310 - checked
    try:
        with _opener().open(request, timeout=timeout) as response:
            expected = _announced_size(response)
            parts: list[bytes] = []
            for part in _parts(response, address, largest):
                parts.append(part)
                done = sum(map(len, parts))
                progress("downloading", min(done / expected, 1.0) if expected else 0.0)
    except (OSError, HTTPException, ValueError) as error:
        msg = f"{address} could not be fetched: {_why(error)}; try again, or a mirror with --url"
        raise DataError(msg) from None
    content = b"".join(parts)
    if expected and len(content) < expected:
        msg = f"{address}: broke off at {len(content):,} of {expected:,} bytes; try again"
        raise DataError(msg)
    return content


def _why(error: Exception) -> str:
    if isinstance(error, HTTPError):
        return str(error)
    return str(getattr(error, "reason", None) or error) or type(error).__name__


def _announced_size(response: HTTPResponse) -> int:
    size = response.headers.get("Content-Length", "")
    return int(size) if size.isdigit() else 0


def _parts(response: HTTPResponse, address: str, largest: int) -> Iterator[bytes]:
    deadline = time.monotonic() + LONGEST
    size = 0
    while part := response.read1(CHUNK):
        size += len(part)
        if size > largest:
            msg = f"{address} holds more than {largest:,} bytes: not the published archive"
            raise DataError(msg)
        if time.monotonic() > deadline:
            msg = f"{address} is too slow: not done in {LONGEST:g} s; try a mirror with --url"
            raise DataError(msg)
        yield part


def _published_file(content: bytes, dataset: Dataset, address: str, largest: int) -> bytes:
    found = None
    for candidate in _candidates(content, dataset.file, address, largest, NESTING):
        found = hashlib.sha256(candidate).hexdigest()
        if found == dataset.sha256:
            return candidate
    what = f"a file with sha256 {found[:12]}…" if found else f"no {dataset.file}"
    msg = (
        f"{address} holds {what}, expected the published {dataset.file} with sha256 "
        f"{str(dataset.sha256)[:12]}…; nothing was written; try another address with --url"
    )
    raise DataError(msg)


def _candidates(
    content: bytes, name: str, address: str, largest: int, depth: int
) -> Iterator[bytes]:
    """Yield the file itself, or every member of that name in an archive, nested ones included."""
    if not zipfile.is_zipfile(io.BytesIO(content)):
        yield content
        return
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for member in archive.infolist():
                base = member.filename.rsplit("/", 1)[-1]
                if base == name:
                    yield _member(archive, member, address, largest)
                elif base.endswith(".zip") and depth > 0:
                    inner = _member(archive, member, address, largest)
                    if zipfile.is_zipfile(io.BytesIO(inner)):
                        yield from _candidates(inner, name, address, largest, depth - 1)
    except (*_DAMAGED, OSError, ValueError) as error:
        msg = f"{address} holds a damaged archive ({error}); try again, or give a mirror with --url"
        raise DataError(msg) from None


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, address: str, largest: int) -> bytes:
    with archive.open(member) as opened:
        content = opened.read(largest + 1)
    if len(content) > largest:
        msg = f"{address}: {member.filename} unpacks to more than {largest:,} bytes; refused"
        raise DataError(msg)
    return content
