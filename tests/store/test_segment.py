"""A journal's file: all of an entry or nothing, one writer, and a place that never goes too far."""

import errno
import os
import resource
import signal
import stat
from pathlib import Path

import pytest

from leadml.store.frames import framed
from leadml.store.segment import START, Segment


def made(folder: Path, *payloads: bytes) -> Segment:
    segment = Segment.create(folder / "one.journal")
    for payload in payloads:
        segment.append(framed(payload), 1)
    return segment


def left(segment: Segment) -> list[bytes]:
    found: list[bytes] = []
    while not segment.is_empty:
        frames = segment.read(segment.end, 2, 30)
        found += frames.payloads
        segment.note(frames.end)
    return found


def test_what_was_added_is_read_from_the_place_on(tmp_path: Path) -> None:
    segment = made(tmp_path, b"one", b"two" * 30, b"three")
    assert segment.waiting == 3
    first = segment.read(segment.end, 1, 1000)
    assert first.payloads == [b"one"]
    segment.note(first.end)
    assert left(segment) == [b"two" * 30, b"three"]
    assert segment.is_empty
    segment.close()
    again = Segment.adopt(segment.path)
    assert again is not None
    assert (again.is_empty, again.waiting) == (True, 0)
    again.remove()
    assert not segment.path.exists()


def test_only_its_user_may_read_the_file(tmp_path: Path) -> None:
    segment = made(tmp_path)
    assert stat.S_IMODE(segment.path.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["one.journal"]
    segment.close()


def test_a_file_is_adopted_when_its_writer_is_no_more_and_by_one(tmp_path: Path) -> None:
    segment = made(tmp_path, b"one", b"two")
    assert Segment.adopt(segment.path) is None
    segment.close()
    adopted = Segment.adopt(segment.path)
    assert adopted is not None
    assert adopted.waiting == 2
    assert Segment.adopt(segment.path) is None
    adopted.remove()
    assert Segment.adopt(segment.path) is None


def test_one_that_was_deleted_in_between_is_not_adopted(tmp_path: Path) -> None:
    segment = made(tmp_path, b"one")
    assert not segment.is_gone
    segment.path.unlink()
    assert segment.is_gone
    segment.close()


def test_emptied_it_begins_anew(tmp_path: Path) -> None:
    segment = made(tmp_path, b"one")
    segment.note(segment.end)
    segment.empty()
    assert segment.path.stat().st_size == START
    segment.append(framed(b"two"), 1)
    assert left(segment) == [b"two"]
    segment.close()


@pytest.mark.parametrize("call", ["pwrite", "ftruncate"])
def test_emptying_that_fails_takes_no_entry_from_who_reads_next(
    tmp_path: Path, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    segment = made(tmp_path, b"one")
    segment.note(segment.end)

    def failing(*_: object) -> None:
        raise OSError(errno.EIO, "no")

    with monkeypatch.context() as broken:
        broken.setattr(os, call, failing)
        with pytest.raises(OSError, match="no"):
            segment.empty()
    segment.append(framed(b"two"), 1)
    segment.close()  # as a kill would
    assert left(Segment.adopt(segment.path))[-1] == b"two"


def test_every_damage_of_the_note_leads_to_the_beginning_or_nowhere_else(tmp_path: Path) -> None:
    segment = made(tmp_path, b"one", b"two")
    second = START + len(framed(b"one"))
    segment.note(second)
    segment.close()
    whole = segment.path.read_bytes()
    for position in range(START):
        garbled = bytearray(whole)
        garbled[position] ^= 1
        segment.path.write_bytes(garbled)
        found = Segment.look(segment.path)
        assert found is not None
        # the title is not looked at, the note must be as it was written
        assert found.place == (second if position < len(b"leadml journal\n") else START)
        found.close()
    segment.path.write_bytes(whole[: second - 1])  # the place lies beyond the end
    found = Segment.look(segment.path)
    assert found is not None
    assert (found.place, left(found)) == (START, [b"one"])
    found.close()


@pytest.mark.parametrize("length", [0, 3, START - 1, START])
def test_a_file_cut_off_in_its_beginning_holds_nothing(tmp_path: Path, length: int) -> None:
    segment = made(tmp_path, b"one")
    segment.close()
    os.truncate(segment.path, length)
    adopted = Segment.adopt(segment.path)
    assert adopted is not None
    assert (adopted.is_empty, left(adopted)) == (True, [])
    adopted.close()


def test_a_full_disk_takes_all_of_an_entry_or_nothing(tmp_path: Path) -> None:
    """A limit on the file's size: like a full disk it takes a part first, then nothing."""
    pid = os.fork()
    if not pid:
        code = 1
        try:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            segment = made(tmp_path, b"one")
            resource.setrlimit(resource.RLIMIT_FSIZE, (segment.end + 50, segment.end + 50))
            try:
                segment.append(framed(b"x" * 100), 1)
            except OSError:
                segment.append(framed(b"two"), 1)
                code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    segment_ = Segment.adopt(tmp_path / "one.journal")
    assert segment_ is not None
    assert left(segment_) == [b"one", b"two"]
    assert segment_.path.stat().st_size == segment_.end
    segment_.close()


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"No such file or directory"):
        Segment.create(tmp_path / "none" / "one.journal")
    assert Segment.look(tmp_path / "none.journal") is None
