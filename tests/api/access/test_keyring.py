"""Whose keys open the service, and how a running one follows the file."""

import logging
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from leadml.api.access import keyring as keyring_module
from leadml.api.access.keyring import Keyring
from leadml.api.application import create_app
from leadml.domain.api_key import RateLimit
from leadml.errors import ConfigError
from leadml.settings import ServeSettings
from leadml.workflows.keys import add_key, revoke_key, rotate_key

LEAD = {"lead": {"lead_id": "L1"}}


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let keyrings look at their file each time."""
    monkeypatch.setattr(keyring_module, "LOOK_SECONDS", 0.0)


def name_of(keyring: Keyring, key: str) -> str | None:
    caller = keyring.holder(key.encode())
    return caller.name if caller else None


def test_keys_of_the_environment_are_named_by_their_place() -> None:
    keyring = Keyring(["a", "both"], ["both", "boss"])
    assert [name_of(keyring, key) for key in ("a", "both", "boss", "c", "")] == [
        "key 1",
        "admin key 1",
        "admin key 2",
        None,
        None,
    ]
    caller = keyring.holder(b"a")
    assert caller is not None
    assert (caller.scopes, caller.limit) == ({"score", "events"}, None)
    assert "mark" not in repr(caller)


def test_a_key_is_shown_in_either_header() -> None:
    keyring = Keyring(["sécond"])
    for headers in (
        {b"authorization": "bearer  sécond".encode()},
        {b"x-api-key": "sécond".encode()},
    ):
        assert keyring.caller(headers) is not None
    assert keyring.caller({}) is None
    assert keyring.caller({b"authorization": b"Basic x", b"x-api-key": "sécond".encode()}) is None


def test_of_two_keys_both_have_to_be_known_and_may_do_what_both_may() -> None:
    keyring = Keyring(["crm"], ["boss"])
    caller = keyring.caller({b"authorization": b"Bearer crm", b"x-api-key": b"boss"})
    assert caller is not None
    assert caller.scopes == {"score", "events"}
    assert keyring.caller({b"authorization": b"Bearer guess", b"x-api-key": b"boss"}) is None


def test_a_key_of_the_file_has_name_scopes_and_limit(tmp_path: Path, make_settings: Any) -> None:
    settings = make_settings(tmp_path)
    key = add_key(settings, "crm", scopes=frozenset({"score"}), limit=RateLimit(5, 60)).key
    keyring = Keyring.of(settings)
    caller = keyring.holder(key.encode())
    assert caller is not None
    assert (caller.name, caller.scopes, caller.limit) == ("crm", {"score"}, RateLimit(5, 60))
    prefix, known, secret = key.split("_", 2)
    for guess in (key[:-1], key + "x", f"{prefix}_{known}_", f"{prefix}__{secret}", secret, known):
        assert keyring.holder(guess.encode()) is None
    assert [each.name for each in keyring.callers()] == ["crm"]


def test_a_key_ends_when_it_expires_and_an_old_one_when_its_overlap_is_over(
    tmp_path: Path, make_settings: Any
) -> None:
    settings, ends = make_settings(tmp_path), datetime.now(UTC) + timedelta(days=30)
    old = add_key(settings, "crm", scopes=frozenset({"score"}), expires_at=ends).key
    new = rotate_key(settings, "crm", overlap=timedelta(hours=24)).key
    now = time.time()

    def known_at(later: float) -> list[str | None]:
        keyring = Keyring(file=settings.keys_file, clock=lambda: now + later)
        return [name_of(keyring, key) for key in (old, new)]

    assert known_at(0) == ["crm", "crm"]
    assert known_at(23.9 * 3600) == ["crm", "crm"]
    assert known_at(24.1 * 3600) == [None, "crm"]
    assert known_at(29.9 * 86400) == [None, "crm"]
    assert known_at(30.1 * 86400) == [None, None]


@pytest.mark.usefixtures("at_once")
def test_the_file_is_followed(tmp_path: Path, make_settings: Any, make_key: Any) -> None:
    keyring = Keyring.of(make_settings(tmp_path))
    assert not keyring.needed
    crm = make_key(tmp_path, "crm", "score")
    assert keyring.needed
    assert name_of(keyring, crm) == "crm"
    ada = make_key(tmp_path, "ada", "read")
    revoke_key(make_settings(tmp_path), "crm")
    assert [name_of(keyring, key) for key in (crm, ada)] == [None, "ada"]


@pytest.mark.usefixtures("at_once")
def test_without_its_last_key_a_service_stays_closed(
    tmp_path: Path, make_settings: Any, make_key: Any
) -> None:
    key = make_key(tmp_path, "crm", "score")
    keyring = Keyring.of(make_settings(tmp_path))
    revoke_key(make_settings(tmp_path), "crm")
    assert name_of(keyring, key) is None
    again = Keyring.of(make_settings(tmp_path))  # as a worker that is started again
    for closed in (keyring, again):
        assert closed.needed
        assert not closed.working


@pytest.mark.usefixtures("at_once")
def test_where_a_key_is_needed_and_the_file_gone_all_are_refused_until_it_is_back(
    tmp_path: Path, make_settings: Any, make_key: Any, caplog: pytest.LogCaptureFixture
) -> None:
    key, file = make_key(tmp_path, "crm", "score"), tmp_path / "keys.json"
    file.rename(tmp_path / "away")
    for name in (None, "keys.json"):
        settings = replace(make_settings(tmp_path), serve=ServeSettings(keys=name))
        keyring = Keyring.of(settings, needed=True)
        assert keyring.needed
        assert not keyring.working
        assert name_of(keyring, key) is None
        assert f"the keys file {file} is gone: until it is back every key" in caplog.text
        caplog.clear()
    (tmp_path / "away").rename(file)
    assert name_of(keyring, key) == "crm"
    Keyring.of(settings, needed=True)
    Keyring(["a"], file=tmp_path / "none", needed=True)  # closed by the key of the environment
    assert "is gone" not in caplog.text


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize(
    ("breakage", "why"),
    [
        (lambda file: file.write_text("{"), "cannot be used"),
        (lambda file: file.chmod(0o666), "may be written by others"),
        (lambda file: file.unlink(), "is gone"),
    ],
)
def test_a_broken_file_changes_nothing_and_the_log_says_so_once(
    tmp_path: Path,
    make_settings: Any,
    make_key: Any,
    caplog: pytest.LogCaptureFixture,
    breakage: Any,
    why: str,
) -> None:
    key = make_key(tmp_path, "crm", "score")
    keyring = Keyring.of(make_settings(tmp_path))
    breakage(tmp_path / "keys.json")
    with caplog.at_level(logging.ERROR, "leadml.api"):
        for _ in range(3):
            assert name_of(keyring, key) == "crm"
            assert name_of(keyring, "leadml_x_y") is None
    (record,) = caplog.records
    assert why in record.getMessage()
    assert record.getMessage().endswith("the keys known before keep working")


@pytest.mark.usefixtures("at_once")
def test_a_mended_file_is_followed_again(tmp_path: Path, make_settings: Any, make_key: Any) -> None:
    crm, file = make_key(tmp_path, "crm", "score"), tmp_path / "keys.json"
    keyring, sound = Keyring.of(make_settings(tmp_path)), file.read_text()
    file.write_text("{")
    assert name_of(keyring, crm) == "crm"
    file.write_text(sound)
    ada = make_key(tmp_path, "ada", "read")
    assert [name_of(keyring, key) for key in (crm, ada)] == ["crm", "ada"]


def test_a_service_does_not_start_on_a_broken_file_nor_without_the_one_that_is_named(
    tmp_path: Path, make_settings: Any
) -> None:
    (tmp_path / "keys.json").write_text("{")
    with pytest.raises(ConfigError, match="cannot be used"):
        Keyring.of(make_settings(tmp_path))
    named = replace(make_settings(tmp_path), serve=ServeSettings(keys="elsewhere.json"))
    with pytest.raises(ConfigError, match=r"\[serve\] keys names .*elsewhere\.json, and there is"):
        Keyring.of(named)


def test_a_running_service_follows_keys_without_a_restart(
    tmp_path: Path,
    make_settings: Any,
    make_key: Any,
    make_version: Any,
    serve_app: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(keyring_module, "LOOK_SECONDS", 0.05)
    make_version(tmp_path / "models")
    settings = make_settings(tmp_path, keys=("plain",))
    with serve_app(create_app(settings)) as server:

        def becomes(key: str, status: int) -> None:
            deadline = time.monotonic() + 10
            headers = {"Authorization": f"Bearer {key}"}
            while server.client.post("/v1/score", json=LEAD, headers=headers).status_code != status:
                assert time.monotonic() < deadline, status

        old = make_key(tmp_path, "crm", "score")
        becomes(old, 200)
        new = rotate_key(settings, "crm").key
        becomes(new, 200)
        becomes(old, 200)
        revoke_key(settings, "crm")
        becomes(new, 401)
        becomes(old, 401)
        becomes(make_key(tmp_path, "ada", "read"), 403)
        becomes("plain", 200)
