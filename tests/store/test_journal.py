"""The journal of a process: kept through a kill, bounded, adopted by the living, swept."""

import os
import random
import select
import signal
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from leadml.errors import StoreError
from leadml.store import journal as module
from leadml.store.frames import MOST_BYTES
from leadml.store.journal import Journal
from leadml.store.segment import START


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    made = Journal(tmp_path / "journal", "sqlite:///ledger.db")
    made.open()
    yield made
    made.close()


def taken(journal: Journal) -> list[bytes]:
    """Take all that waits."""
    found: list[bytes] = []
    for group in journal.groups():
        found += group.payloads
        journal.done(group)
    return found


def files(journal: Journal) -> list[Path]:
    return sorted(journal.folder.glob("*.journal"))


def test_what_was_added_is_taken_once_and_its_file_is_emptied(journal: Journal) -> None:
    journal.append([b"one"])
    journal.append([b"two", b"three"])
    assert journal.waiting == 3
    assert journal.waiting_bytes == files(journal)[0].stat().st_size - START
    assert taken(journal) == [b"one", b"two", b"three"]
    assert (journal.waiting, journal.waiting_bytes, taken(journal)) == (0, 0, [])
    assert [path.stat().st_size for path in files(journal)] == [START]


def test_the_folder_is_its_users(journal: Journal) -> None:
    assert stat.S_IMODE(journal.folder.stat().st_mode) == 0o700


def test_it_gives_groups_of_bounded_length(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GROUP", 4)
    monkeypatch.setattr(module, "READ_BYTES", 10)
    payloads = [b"%d" % number * (1 + number % 7) for number in range(10)]
    journal.append(payloads)
    sizes = []
    found: list[bytes] = []
    for group in journal.groups():
        sizes.append(len(group.payloads))
        found += group.payloads
        journal.done(group)
        assert journal.waiting == 10 - len(found)
    assert found == payloads
    assert max(sizes) <= 4


def test_what_was_not_noted_as_done_comes_again(journal: Journal) -> None:
    journal.append([b"one"])
    assert [group.payloads for group in journal.groups()] == [[b"one"]]
    assert journal.waiting == 1
    assert taken(journal) == [b"one"]


def test_what_comes_in_between_waits_for_the_next_time(journal: Journal) -> None:
    journal.append([b"one"])
    for group in journal.groups():
        journal.append([b"two"])
        journal.done(group)
        assert group.payloads == [b"one"]
    assert taken(journal) == [b"two"]


def test_its_room_is_bounded(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROOM", 2)
    journal.append([b"one"])
    assert not journal.is_full
    journal.append([b"two"])
    assert journal.is_full
    taken(journal)
    assert not journal.is_full
    monkeypatch.setattr(module, "ROOM_BYTES", 30)
    journal.append([b"0" * 12])  # 18 characters of a head, and a line's end
    assert journal.is_full


def test_an_entry_that_is_too_long_is_refused(journal: Journal) -> None:
    with pytest.raises(OSError, match=r"more than 16,000,000 bytes"):
        journal.append([b"fits", b"0" * (MOST_BYTES + 1)])
    assert journal.waiting == 0


def test_a_file_that_has_grown_long_is_followed_by_another(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SEGMENT_BYTES", 100)
    journal.append([b"one"])
    journal.tidy()
    assert len(files(journal)) == 1
    journal.append([b"2" * 100])
    journal.tidy()
    journal.append([b"three"])
    assert len(files(journal)) == 2
    assert taken(journal) == [b"one", b"2" * 100, b"three"]
    assert [path.stat().st_size for path in files(journal)] == [START]


def test_closed_it_takes_nothing_and_leaves_what_waits(tmp_path: Path) -> None:
    first = Journal(tmp_path, "ledger")
    first.open()
    first.append([b"one"])
    first.close()
    with pytest.raises(OSError, match=r"the journal is closed"):
        first.append([b"two"])
    second = Journal(tmp_path, "ledger")
    assert second.adopt() == 1
    assert (second.waiting, taken(second)) == (1, [b"one"])
    second.close()
    assert not list(tmp_path.glob("*.journal"))


def test_files_of_the_living_are_read_but_not_adopted(journal: Journal) -> None:
    other = Journal(journal.folder, "sqlite:///ledger.db")
    other.open()
    assert journal.is_alone
    other.append([b"one", b"two"])
    assert not journal.is_alone
    assert journal.adopt() == 0
    journal.append([b"mine"])
    assert [group.payloads for group in journal.others()] == [[b"one", b"two"]]
    assert other.waiting == 2
    assert taken(other) == [b"one", b"two"]
    assert list(journal.others()) == []
    other.close()


def test_what_belongs_to_another_ledger_is_left_alone(journal: Journal) -> None:
    stranger = Journal(journal.folder, "sqlite:///other.db")
    stranger.open()
    stranger.append([b"theirs"])
    assert journal.strangers() == 0  # its process lives
    stranger.close()
    assert (journal.adopt(), list(journal.others()), journal.strangers()) == (0, [], 1)
    assert journal.is_alone


def test_a_file_cut_off_in_its_beginning_counts_for_nothing(tmp_path: Path) -> None:
    (tmp_path / "probe.journal").touch()
    first = Journal(tmp_path, "ledger")
    first.open()
    first.append([b"one"])
    first.close()
    (path,) = tmp_path.glob("[0-9a-f]*-*.journal")
    os.truncate(path, 3)
    second = Journal(tmp_path, "ledger")
    assert second.adopt() == 1
    assert (taken(second), second.waiting, second.waiting_bytes) == ([], 0, 0)
    assert not path.exists()


def test_damage_in_a_file_that_was_left_is_passed_over_and_told(tmp_path: Path) -> None:
    first = Journal(tmp_path, "ledger")
    first.open()
    first.append([b"one", b"two", b"three"])
    first.close()
    (path,) = tmp_path.glob("*.journal")
    path.write_bytes(path.read_bytes().replace(b"two", b"tvo")[:-3])  # and a torn end
    second = Journal(tmp_path, "ledger")
    second.adopt()
    (group,) = second.groups()
    assert (group.payloads, group.damaged) == ([b"one"], 2)
    second.done(group)
    assert (taken(second), second.waiting, second.waiting_bytes) == ([], 0, 0)
    assert not path.exists()


def test_a_sweep_begins_a_new_file_in_every_process(journal: Journal) -> None:
    journal.append([b"jane"])
    assert taken(journal) == [b"jane"]
    (before,) = files(journal)
    assert not journal.tidy()
    journal.sweep()
    assert journal.tidy()
    assert not journal.tidy()
    assert taken(journal) == []
    (after,) = files(journal)
    assert after != before


def test_a_file_that_was_deleted_under_it_is_followed_by_another(journal: Journal) -> None:
    for path in files(journal):
        path.unlink()
    journal.append([b"still read"])
    journal.tidy()
    journal.append([b"kept"])
    assert len(files(journal)) == 1
    assert taken(journal) == [b"still read", b"kept"]


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "journal").write_text("a file")
    made = Journal(tmp_path / "journal", "ledger")
    with pytest.raises(StoreError, match=r"the journal .*journal cannot be written: "):
        made.open()
    assert not made.is_open


def test_many_threads_add_while_one_takes(journal: Journal) -> None:
    def add(name: int) -> None:
        for number in range(200):
            journal.append([b"%d-%d" % (name, number)])

    threads = [threading.Thread(target=add, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    found: list[bytes] = []
    while len(found) < 800:
        found += taken(journal)
        journal.sync()
    for thread in threads:
        thread.join()
    assert len(set(found)) == len(found) == 800
    assert journal.waiting == 0


def test_a_process_that_is_killed_leaves_all_that_it_told(tmp_path: Path) -> None:
    """Writers are killed at random moments: of what each told, all is there, once, in order."""
    chance = random.Random(3)
    for turn in range(6):
        read, write = os.pipe()
        pid = os.fork()
        if not pid:
            _write_until_killed(tmp_path, turn, write)
        os.close(write)
        told = bytearray()
        wanted = chance.randrange(1, 20_000)
        while len(told) < wanted and select.select([read], [], [], 30)[0]:
            told += os.read(read, 65536)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        while rest := os.read(read, 65536):
            told += rest
        os.close(read)
        journal = Journal(tmp_path, "ledger")
        assert journal.adopt() >= 1
        found = [p.split(b" ", 1)[0] for p in taken(journal)]
        numbers = [int(number) for number in found]
        assert numbers == list(range(len(numbers)))
        acknowledged = told.count(b"\n")
        assert acknowledged <= len(numbers) <= acknowledged + 2
        assert not list(tmp_path.glob("*.journal"))


def _write_until_killed(folder: Path, turn: int, pipe: int) -> None:
    """Add entries and tell of each one, a new file now and then."""
    try:
        journal = Journal(folder, "ledger")
        journal.open()
        for number in range(1_000_000):
            journal.append([b"%d " % number + b"x" * (number % 900)])
            os.write(pipe, b"%d\n" % number)
            if number % 500 == 499:
                journal.sweep()
                journal.tidy()
    finally:
        os._exit(1)
