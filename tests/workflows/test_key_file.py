"""The keys file: what it holds, what it refuses, and that it is never half written."""

import json
import os
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from leadml.domain.api_key import ApiKey, KeyDigest, RateLimit
from leadml.errors import ConfigError
from leadml.workflows import key_file
from leadml.workflows.key_file import held, read_keys, write_keys

THEN, LATER = datetime(2026, 3, 1, 9, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
CRM = ApiKey(
    "crm",
    frozenset({"score", "events"}),
    THEN,
    limit=RateLimit(50, 1),
    expires_at=LATER,
    rotated_at=THEN,
    digests=(KeyDigest("old1", "ab" * 32, LATER), KeyDigest("new1", "cd" * 32)),
)
ADA = ApiKey("ada", frozenset({"read"}), THEN, digests=(KeyDigest("ada1", "ef" * 32),))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "keys.json"
    write_keys(path, [CRM, ADA])
    return path


def test_what_was_written_is_read(file: Path) -> None:
    assert read_keys(file) == [CRM, ADA]


def test_it_is_for_its_owner_alone_and_nothing_lies_beside_it(file: Path) -> None:
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(file.parent.iterdir()) == [file]


def test_no_file_is_no_keys(tmp_path: Path) -> None:
    assert read_keys(tmp_path / "keys.json") == []


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_that_others_may_write_is_refused(file: Path, mode: int) -> None:
    file.chmod(mode)
    with pytest.raises(ConfigError, match=rf"may be written by others \(mode {mode:o}\): chmod"):
        read_keys(file)


def test_one_that_others_may_read_is_not(file: Path) -> None:
    file.chmod(0o644)  # as a container mounts it: it holds no key
    assert len(read_keys(file)) == 2


def test_a_file_of_another_user_is_refused(file: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    os.chown(file, 1234, 1234)
    with pytest.raises(ConfigError, match="belongs to another user"):
        read_keys(file)


def changed(file: Path, *path: Any, to: Any) -> None:
    content = json.loads(file.read_text())
    place = content
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = to
    file.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("path", "to", "why"),
    [
        (("format",), 2, "it has format 2, this leadml reads format 1"),
        (("keys", 0, "name"), "ada", "two keys have one name"),
        (("keys", 0, "digests", 0, "id"), "ada1", "two keys have one id"),
        (("keys", 0, "digests", 0, "id"), "a_b", "a digest is not one of SHA-256"),
        (("keys", 0, "digests", 0, "sha256"), "abab", "a digest is not one of SHA-256"),
        (("keys", 0, "scopes"), ["all"], r"scopes are score, events, read, admin, .*'all'"),
        (("keys", 0, "scopes"), [], r"scopes are .* found none"),
        (("keys", 0, "limit"), "fast", "expected requests a second"),
        (("keys", 0, "expires_at"), "2026-03-01", "a time has no offset"),
        (("keys", 0, "expires_at"), "0001-01-01T00:00:00+23:00", "it is not as leadml writes it"),
        (("keys", 0, "created_at"), None, "it is not as leadml writes it"),
        (("keys",), None, "it is not as leadml writes it"),
    ],
)
def test_anything_but_keys_is_refused_with_the_reason(
    file: Path, path: tuple[Any, ...], to: Any, why: str
) -> None:
    changed(file, *path, to=to)
    with pytest.raises(ConfigError, match=rf"cannot be used: {why}"):
        read_keys(file)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b"[" * 200_000])
def test_so_is_what_is_no_such_json(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(ConfigError, match="cannot be used: it is not as leadml writes it"):
        read_keys(file)


def test_so_is_a_folder_and_a_file_beyond_all_measure(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        read_keys(file.parent)
    monkeypatch.setattr(key_file, "MOST_BYTES", 100)
    with pytest.raises(ConfigError, match="it is none"):
        read_keys(file)


def test_a_file_that_cannot_be_written_stays_as_it_was(file: Path) -> None:
    (file.parent / "there").mkdir()
    with pytest.raises(ConfigError, match="cannot be written: Is a directory"):
        write_keys(file.parent / "there", [])
    assert sorted(path.name for path in file.parent.iterdir()) == ["keys.json", "there"]


def test_there_may_be_a_thousand_keys_and_no_more(file: Path) -> None:
    keys = [
        ApiKey(f"k{n}", frozenset({"score"}), THEN, digests=(KeyDigest(f"k{n}", "ab" * 32),))
        for n in range(1001)
    ]
    write_keys(file, keys[:1000])
    assert len(read_keys(file)) == 1000
    with pytest.raises(ConfigError, match="1,000 keys at most"):
        write_keys(file, keys)


def test_who_changes_it_waits_for_who_changes_it_already(file: Path) -> None:
    order: list[str] = []

    def second() -> None:
        with held(file):
            order.append("second")

    with held(file):
        waiting = threading.Thread(target=second)
        waiting.start()
        waiting.join(0.05)
        order.append("first")
    waiting.join()
    assert order == ["first", "second"]
    with (
        pytest.raises(ConfigError, match="cannot be used: No such file"),
        held(file.parent / "no" / "k"),
    ):
        pass
