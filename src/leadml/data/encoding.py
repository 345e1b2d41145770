"""What the bytes of a file are: text in which encoding, or something that is no table of text.

Judged by content, never by the file's name: exports are renamed, mailed and zipped on their way.
"""

import codecs
import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from leadml.errors import DataError

CHUNK = 1 << 20
SAMPLE = 1 << 16
GZIP = b"\x1f\x8b"
PARQUET = b"PAR1"

_NOT_A_TABLE = (
    (b"PK\x03\x04", "a zip archive or an Excel workbook (.xlsx)", "save the sheet as CSV UTF-8"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook (.xls)", "save the sheet as CSV UTF-8"),
    (b"%PDF", "a PDF", "export the table itself as CSV"),
    (b"SQLite format 3\0", "an SQLite database", "name it as sqlite:///FILE with --table"),
    (b"ARROW1", "an Arrow or Feather file", "save it as Parquet"),
    (b"BZh", "compressed with bzip2", "decompress it, or use gzip"),
    (b"\xfd7zXZ", "compressed with xz", "decompress it, or use gzip"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd", "decompress it, or use gzip"),
    (b"\x80\x04\x95", "a Python pickle, which leadml never opens", "save it as CSV or Parquet"),
    (b"\x80\x05\x95", "a Python pickle, which leadml never opens", "save it as CSV or Parquet"),
)
_MARKUP = ((b"<", "HTML or XML"), (b"{", "JSON"), (b"[{", "JSON"))
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_OTHER_SCRIPTS = ("cp1251", "cp1253", "shift_jis", "gb18030")
_LATIN = "cp1252"


@dataclass(frozen=True)
class Encoding:
    """How to decode a file, and whether that is certain or the likeliest guess."""

    name: str
    guessed: bool = False


def open_content(path: Path) -> BinaryIO:
    """Open a file for reading, decompressing gzip whatever the file is called."""
    with path.open("rb") as file:
        compressed = file.read(2) == GZIP
    return cast(BinaryIO, gzip.open(path, "rb")) if compressed else path.open("rb")


def encoding_of(path: Path) -> Encoding:
    """Find out how the text of a file is encoded.

    UTF-8, UTF-16 and UTF-32 by their byte order mark or by their bytes; what is none of them is
    taken for the likeliest single-byte or East Asian encoding, marked as guessed.

    Raises
    ------
    DataError
        If the file is empty, damaged, or not text at all.
    """
    chunks = _chunks(path)
    head = next(chunks, b"")
    if not head:
        msg = f"{path} is empty: expected a header line and one line a lead; export it again"
        raise DataError(msg)
    _refuse_other_formats(path, head)
    wide = _wide_encoding(head)
    if wide:
        return Encoding(wide)
    return _narrow_encoding(path, head, chunks)


def _chunks(path: Path) -> Iterator[bytes]:
    try:
        with open_content(path) as file:
            while chunk := file.read(CHUNK):
                yield chunk
    except (EOFError, zlib.error, gzip.BadGzipFile):
        msg = f"{path} is damaged: its gzip stream does not decompress; download it again"
        raise DataError(msg) from None


def _refuse_other_formats(path: Path, head: bytes) -> None:
    for magic, what, remedy in _NOT_A_TABLE:
        if head.startswith(magic):
            msg = f"{path} is {what}, not CSV or Parquet: {remedy}"
            raise DataError(msg)
    start = head[:200].removeprefix(codecs.BOM_UTF8).lstrip()
    for mark, what in _MARKUP:
        if start.startswith(mark):
            msg = f"{path} looks like {what}, not a table: export it as CSV or Parquet"
            raise DataError(msg)


def _wide_encoding(head: bytes) -> str | None:
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name if name != "utf-8-sig" else None
    start = head[:4096]
    even, odd = start[0::2].count(0), start[1::2].count(0)
    if odd > 0.3 * len(start[1::2]) and even * 10 <= odd:
        return "utf-16-le"
    if even > 0.3 * len(start[0::2]) and odd * 10 <= even:
        return "utf-16-be"
    return None


def _narrow_encoding(path: Path, head: bytes, rest: Iterator[bytes]) -> Encoding:
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    is_utf8, foreign, offset = True, b"", 0
    for chunk in _all(head, rest):
        _refuse_binary(path, chunk, offset)
        offset += len(chunk)
        if is_utf8:
            is_utf8 = _decodes(decoder, chunk)
        if not chunk.isascii() and len(foreign) < SAMPLE:
            foreign += _foreign_lines(chunk)
    if is_utf8 and _decodes(decoder, b"", final=True):
        return Encoding("utf-8-sig")
    return Encoding(_likeliest(foreign[:SAMPLE]), guessed=True)


def _all(head: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield head
    yield from rest


def _refuse_binary(path: Path, chunk: bytes, offset: int) -> None:
    nul = chunk.find(b"\0")
    if nul >= 0:
        msg = (
            f"{path} is not text: byte {offset + nul + 1:,} is NUL, so it is a binary file or "
            "damaged; export it again as CSV UTF-8"
        )
        raise DataError(msg)
    controls = len(chunk) - len(chunk.translate(None, _CONTROLS))
    if controls > 0.02 * len(chunk):
        msg = (
            f"{path} is not text: {controls / len(chunk):.0%} of its bytes are control "
            "characters; export it again as CSV UTF-8"
        )
        raise DataError(msg)


_CONTROLS = bytes(set(range(32)) - set(b"\t\n\v\f\r\x1b"))


def _decodes(decoder: codecs.IncrementalDecoder, chunk: bytes, *, final: bool = False) -> bool:
    try:
        decoder.decode(chunk, final)
    except UnicodeDecodeError:
        return False
    return True


def _foreign_lines(chunk: bytes) -> bytes:
    """Return the lines that are not plain ASCII: the only ones that tell encodings apart."""
    return b"".join(line for line in chunk.splitlines(keepends=True) if not line.isascii())


def _likeliest(sample: bytes) -> str:
    """Name the likeliest encoding that is not UTF.

    A few accents fit a dozen Latin code pages alike, so charset-normalizer is only asked whether
    the text is in another script; Latin text is Windows-1252, what Excel writes in the West.
    """
    if _in_another_script(sample):
        from charset_normalizer import from_bytes

        best = from_bytes(sample, cp_isolation=[_LATIN, *_OTHER_SCRIPTS]).best()
        if best is not None and best.encoding in _OTHER_SCRIPTS:
            return best.encoding
    return _LATIN if _decodes(codecs.getincrementaldecoder(_LATIN)(), sample) else "latin-1"


def _in_another_script(sample: bytes) -> bool:
    """Tell whether too many letters are not ASCII for a Latin text with accents."""
    foreign = sum(1 for byte in sample if byte > 127)
    letters = foreign + sum(1 for byte in sample if byte < 128 and chr(byte).isalpha())
    return foreign >= 10 and foreign > 0.3 * letters
