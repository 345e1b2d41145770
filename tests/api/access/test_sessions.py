"""Sessions: what a cookie proves, and when it no longer does."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from leadml.api.access import keyring as keyring_module
from leadml.api.access import sessions as sessions_module
from leadml.api.access.keyring import Keyring
from leadml.api.access.sessions import SECONDS, Sessions
from leadml.workflows.keys import add_key, revoke_key

SECRET = b"s" * 32


class Clock:
    def __init__(self, now: float = 1_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def sessions_of(*admin_keys: str, **options: Any) -> Sessions:
    return Sessions(Keyring((), admin_keys), **options)


def begun(sessions: Sessions, key: str) -> str:
    holder = sessions.holder(key)
    assert holder is not None
    return sessions.begin(holder)


def test_a_key_opens_a_session_with_its_scopes_and_the_cookie_does_not_hold_it() -> None:
    sessions = sessions_of("boss-key", "sécond")
    cookie = begun(sessions, "sécond")
    session = sessions.read(cookie)
    assert session is not None
    assert (session.who, session.scopes) == ("admin key 2", {"score", "events", "read", "admin"})
    assert "sécond" not in cookie


def test_a_key_that_may_not_read_opens_none() -> None:
    sessions = Sessions(Keyring(["plain-key"]))
    with pytest.raises(ValueError, match=r"^key 1 may not read$"):
        begun(sessions, "plain-key")


def test_a_key_among_both_kinds_may_do_everything() -> None:
    sessions = Sessions(Keyring(["same"], ["same"]))
    session = sessions.read(begun(sessions, "same"))
    assert session is not None
    assert "admin" in session.scopes


def test_a_session_ends_when_its_key_is_revoked_or_expires(
    tmp_path: Path, make_key: Any, make_settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyring_module, "LOOK_SECONDS", 0.0)
    clock, keyring_clock = Clock(), Clock(0.0)
    key = make_key(tmp_path, "ada", "read")
    ends = datetime(2100, 1, 1, tzinfo=UTC)
    short = add_key(make_settings(tmp_path), "bo", scopes=frozenset({"read"}), expires_at=ends).key
    sessions = Sessions(Keyring(file=tmp_path / "keys.json", clock=keyring_clock), clock=clock)
    ada, bo = begun(sessions, key), begun(sessions, short)
    session = sessions.read(ada)
    assert session is not None
    assert (session.who, session.scopes) == ("ada", {"read"})
    keyring_clock.now = ends.timestamp() - 1
    assert sessions.read(bo) is not None
    keyring_clock.now = ends.timestamp()
    assert sessions.read(bo) is None
    revoke_key(make_settings(tmp_path), "ada")
    assert sessions.read(ada) is None


@pytest.mark.parametrize("key", ["", "firs", "first ", "FIRST", "first,second", "\ud800"])
def test_an_unknown_key_opens_none(key: str) -> None:
    assert sessions_of("first", "second").holder(key) is None


def test_without_keys_there_is_nothing_to_sign_in_with() -> None:
    sessions = sessions_of()
    assert not sessions.needed
    assert sessions.holder("") is None
    assert sessions.read("") is None


def test_a_session_ends_after_twelve_hours() -> None:
    clock = Clock()
    sessions = sessions_of("k", clock=clock)
    cookie = begun(sessions, "k")
    clock.now += 12 * 3600 - 1
    assert sessions.read(cookie) is not None
    clock.now += 1
    assert sessions.read(cookie) is None
    assert SECONDS == 12 * 3600


@pytest.mark.parametrize("place", range(4))
def test_a_cookie_that_was_changed_anywhere_is_nobodys(place: int) -> None:
    sessions = sessions_of("k", "boss")
    parts = begun(sessions, "k").split(".")
    parts[place] = parts[place][:-1] + ("0" if parts[place][-1] != "0" else "1")
    assert sessions.read(".".join(parts)) is None


@pytest.mark.parametrize("cookie", ["", ".", "a.b.c.d", "...", "é.1.n.s", "x" * 5_000])
def test_what_is_no_cookie_of_ours_is_nobodys(cookie: str) -> None:
    assert sessions_of("k").read(cookie) is None


def test_a_session_ends_with_its_key_and_with_the_process() -> None:
    cookie = begun(sessions_of("gone", "kept", secret=SECRET), "gone")
    assert sessions_of("gone", "kept", secret=SECRET).read(cookie) is not None
    assert sessions_of("kept", secret=SECRET).read(cookie) is None
    assert sessions_of("gone", "kept").read(cookie) is None


def test_signing_out_ends_that_session_alone() -> None:
    sessions = sessions_of("k")
    one, other = begun(sessions, "k"), begun(sessions, "k")
    session = sessions.read(one)
    assert session is not None
    sessions.end(session)
    assert sessions.read(one) is None
    assert sessions.read(other) is not None


def test_what_was_ended_is_remembered_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions_module, "MOST_ENDED", 2)
    clock = Clock()
    sessions = sessions_of("k", clock=clock)
    for _ in range(2):
        session = sessions.read(begun(sessions, "k"))
        assert session is not None
        sessions.end(session)
    clock.now += SECONDS  # both would have ended by now: there is room again
    cookie = begun(sessions, "k")
    session = sessions.read(cookie)
    assert session is not None
    sessions.end(session)
    assert sessions.read(cookie) is None


def test_a_forms_token_fits_its_session_alone() -> None:
    sessions = sessions_of("k")
    one, other = (sessions.read(begun(sessions, "k")) for _ in range(2))
    token = sessions.token(one)
    assert sessions.fits(token, one)
    assert not sessions.fits(token, other)
    assert not sessions.fits(token, None)
    assert not sessions.fits("", one)
    assert sessions.fits(sessions.token(None), None)
    assert not sessions_of("k").fits(sessions.token(None), None)
