"""Entries of a journal's file as bytes: each says how long it is and what its checksum is.

An entry is ``CRC32 LENGTH PAYLOAD`` and a line's end, both numbers as eight hexadecimal digits. The
length leads to the next entry; where something is damaged the next line's end does, so a damage
costs the entries that it hits and no other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from zlib import crc32

MOST_BYTES = 16_000_000
"""Longest payload."""

_HEAD = 18


@dataclass(frozen=True)
class Frames:
    """What some bytes of a journal hold.

    Attributes
    ----------
    payloads : sequence of bytes
        The sound entries, in their order.
    end : int
        Where reading goes on.
    wanted : int
        Bytes that the entry at `end` has at least, if it is sound; 0 where none was begun.
    damaged : int
        Stretches that are no entry.
    """

    payloads: Sequence[bytes]
    end: int
    wanted: int = 0
    damaged: int = 0


def framed(payload: bytes) -> bytes:
    r"""Return an entry.

    Examples
    --------
    >>> framed(b"abc")
    b'352441c2 00000003 abc\n'
    """
    return b"%b%b\n" % (_head(payload), payload)


def frames_in(data: bytes, *, whole: bool, most: int = 1_000_000) -> Frames:
    """Read entries.

    Parameters
    ----------
    data : bytes
        Of a journal, from the beginning of an entry on.
    whole : bool
        Whether nothing follows: an entry that ends beyond is then a damaged one.
    most : int
        After how many sound entries to stop.

    Examples
    --------
    >>> frames_in(framed(b"one") + b"0000" + framed(b"lost") + framed(b"two"), whole=True)
    Frames(payloads=[b'one', b'two'], end=71, wanted=0, damaged=1)
    """
    payloads: list[bytes] = []
    position, damaged = 0, 0
    while position < len(data) and len(payloads) < most:
        size = _size(data, position)
        stop = position + _HEAD + size
        if not whole and size and stop > len(data):
            return Frames(payloads, position, stop + 1 - position, damaged)
        payload = data[position + _HEAD : stop]
        if size and data[position : position + _HEAD] == _head(payload):
            payloads.append(payload)
            position = stop + 1
            continue
        if not whole and position + _HEAD > len(data):
            return Frames(payloads, position, _HEAD, damaged)
        damaged += 1
        position = data.find(b"\n", position) + 1 or len(data)
    return Frames(payloads, min(position, len(data)), 0, damaged)


def _head(payload: bytes) -> bytes:
    return b"%08x %08x " % (crc32(payload), len(payload))


def _size(data: bytes, position: int) -> int:
    """Return the length that an entry tells; 0 where it tells none that can be."""
    try:
        size = int(data[position + 9 : position + 17], 16)
    except ValueError:
        return 0
    return size if 0 < size <= MOST_BYTES else 0
