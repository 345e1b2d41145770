"""A journal's bytes: whatever is damaged, every entry that is not is found, and none twice."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadml.store.frames import MOST_BYTES, framed, frames_in

PAYLOADS = [b"one", b'{"two": "\xc3\xbc"}', b"3" * 40, b"00000000 00000001 x", b"five\nlines"]
WHOLE = b"".join(map(framed, PAYLOADS))
STARTS = [len(b"".join(map(framed, PAYLOADS[:number]))) for number in range(len(PAYLOADS) + 1)]


def test_an_entry_tells_checksum_and_length() -> None:
    # zlib.crc32(b"123456789") is CBF43926: the check value of CRC-32/ISO-HDLC
    assert framed(b"123456789") == b"cbf43926 00000009 123456789\n"


def test_what_was_written_is_read() -> None:
    frames = frames_in(WHOLE, whole=True)
    assert (frames.payloads, frames.end, frames.damaged) == (PAYLOADS, len(WHOLE), 0)
    assert frames_in(b"", whole=True).payloads == []


@pytest.mark.parametrize("whole", [True, False])
def test_of_every_beginning_the_entries_that_are_all_there_are_read(whole: bool) -> None:
    for cut in range(len(WHOLE) + 1):
        # an entry is all there without its line's end, too
        complete = [p for p, stop in zip(PAYLOADS, STARTS[1:], strict=True) if stop - 1 <= cut]
        frames = frames_in(WHOLE[:cut], whole=whole)
        assert frames.payloads == complete
        begun = cut - STARTS[len(complete)] > 0
        assert bool(frames.damaged) == (begun and whole)
        assert frames.end == (cut if whole or not begun else STARTS[len(complete)])


def test_reading_on_where_it_ended_with_as_much_as_it_wanted_finds_the_rest() -> None:
    for cut in range(len(WHOLE) + 1):
        first = frames_in(WHOLE[:cut], whole=False)
        rest = WHOLE[first.end :]
        assert first.wanted <= len(rest)
        then = frames_in(rest, whole=True)
        assert [*first.payloads, *then.payloads] == PAYLOADS


def test_every_flipped_bit_costs_the_entry_it_hits_and_no_other() -> None:
    for position in range(len(WHOLE)):
        hit = next(number for number, stop in enumerate(STARTS[1:]) if position < stop)
        is_line_end = position == STARTS[hit + 1] - 1
        for bit in range(8):
            garbled = bytearray(WHOLE)
            garbled[position] ^= 1 << bit
            frames = frames_in(bytes(garbled), whole=True)
            kept = PAYLOADS if is_line_end else PAYLOADS[:hit] + PAYLOADS[hit + 1 :]
            assert list(frames.payloads) == kept, (position, bit)
            assert frames.damaged >= (not is_line_end)


def test_entries_within_an_entry_are_not_entries() -> None:
    """A payload may look like a journal: only where its own frame is damaged might it be read."""
    inner = framed(b"inner")[:-1]
    assert frames_in(framed(b"a " + inner), whole=True).payloads == [b"a " + inner]


def test_a_length_beyond_all_bounds_is_damage() -> None:
    for size in (0, MOST_BYTES + 1, 0xFFFFFFFF):
        bad = b"00000000 %08x x\n" % size
        for whole in (True, False):
            frames = frames_in(bad + WHOLE, whole=whole)
            assert (frames.payloads, frames.damaged) == (PAYLOADS, 1)


def test_a_file_that_ends_in_noughts_as_after_a_power_failure() -> None:
    frames = frames_in(WHOLE + bytes(4096), whole=True)
    assert (frames.payloads, frames.damaged) == (PAYLOADS, 1)
    assert frames.end == len(WHOLE) + 4096


def test_it_stops_after_so_many() -> None:
    frames = frames_in(WHOLE, whole=True, most=2)
    assert (frames.payloads, frames.end) == (PAYLOADS[:2], STARTS[2])


@settings(max_examples=100)
@given(
    st.lists(st.binary(min_size=1, max_size=60).map(lambda b: b.replace(b"\n", b" ")), max_size=8),
    st.binary(max_size=40),
    st.data(),
)
def test_rubbish_between_entries_costs_none(
    payloads: list[bytes], rubbish: bytes, data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(payloads)))
    before, after = map(framed, payloads[:place]), map(framed, payloads[place:])
    bytes_ = b"".join([*before, rubbish.replace(b" ", b"x"), b"\n", *after])
    assert list(frames_in(bytes_, whole=True).payloads) == payloads


def test_large_parts_at_a_time() -> None:
    """Read in parts of random size, each from where the one before ended."""
    chance = random.Random(7)
    payloads = [bytes(chance.randrange(32, 127) for _ in range(chance.randrange(1, 300)))
                for _ in range(200)]  # fmt: skip
    data = b"".join(map(framed, payloads))
    found: list[bytes] = []
    position, size = 0, 0
    while position < len(data):
        size = max(size, chance.randrange(1, 500))
        part = data[position : position + size]
        frames = frames_in(part, whole=position + len(part) == len(data))
        found += frames.payloads
        position += frames.end
        size = frames.wanted
    assert found == payloads
