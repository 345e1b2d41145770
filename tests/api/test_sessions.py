"""Sessions: what a cookie proves, and when it no longer does."""

import pytest

from leadml.api import sessions as sessions_module
from leadml.api.sessions import SECONDS, Sessions

SECRET = b"s" * 32


class Clock:
    def __init__(self, now: float = 1_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def begun(sessions: Sessions, key: str) -> str:
    cookie = sessions.begin(key)
    assert cookie is not None
    return cookie


def test_a_key_opens_a_session_with_its_scopes_and_the_cookie_does_not_hold_it() -> None:
    sessions = Sessions(["plain-key", "sécond"], ["boss-key"])
    cookie = begun(sessions, "sécond")
    session = sessions.read(cookie)
    assert session is not None
    assert (session.who, session.scopes) == ("API key 2", {"score", "events", "read"})
    assert "sécond" not in cookie
    boss = sessions.read(begun(sessions, "boss-key"))
    assert boss is not None
    assert (boss.who, boss.scopes) == ("admin key 1", {"score", "events", "read", "admin"})


def test_a_key_among_both_kinds_may_do_everything() -> None:
    sessions = Sessions(["same"], ["same"])
    session = sessions.read(begun(sessions, "same"))
    assert session is not None
    assert "admin" in session.scopes


@pytest.mark.parametrize("key", ["", "firs", "first ", "FIRST", "first,second", "\ud800"])
def test_an_unknown_key_opens_none(key: str) -> None:
    assert Sessions(["first", "second"]).begin(key) is None


def test_without_keys_there_is_nothing_to_sign_in_with() -> None:
    sessions = Sessions()
    assert not sessions.needed
    assert sessions.begin("") is None
    assert sessions.read("") is None


def test_a_session_ends_after_twelve_hours() -> None:
    clock = Clock()
    sessions = Sessions(["k"], clock=clock)
    cookie = begun(sessions, "k")
    clock.now += 12 * 3600 - 1
    assert sessions.read(cookie) is not None
    clock.now += 1
    assert sessions.read(cookie) is None
    assert SECONDS == 12 * 3600


@pytest.mark.parametrize("place", range(4))
def test_a_cookie_that_was_changed_anywhere_is_nobodys(place: int) -> None:
    sessions = Sessions(["k"], ["boss"])
    parts = begun(sessions, "k").split(".")
    parts[place] = parts[place][:-1] + ("0" if parts[place][-1] != "0" else "1")
    assert sessions.read(".".join(parts)) is None


@pytest.mark.parametrize("cookie", ["", ".", "a.b.c.d", "...", "é.1.n.s", "x" * 5_000])
def test_what_is_no_cookie_of_ours_is_nobodys(cookie: str) -> None:
    assert Sessions(["k"]).read(cookie) is None


def test_a_session_ends_with_its_key_and_with_the_process() -> None:
    cookie = begun(Sessions(["gone", "kept"], secret=SECRET), "gone")
    assert Sessions(["gone", "kept"], secret=SECRET).read(cookie) is not None
    assert Sessions(["kept"], secret=SECRET).read(cookie) is None
    assert Sessions(["gone", "kept"]).read(cookie) is None


def test_signing_out_ends_that_session_alone() -> None:
    sessions = Sessions(["k"])
    one, other = begun(sessions, "k"), begun(sessions, "k")
    session = sessions.read(one)
    assert session is not None
    sessions.end(session)
    assert sessions.read(one) is None
    assert sessions.read(other) is not None


def test_what_was_ended_is_remembered_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions_module, "MOST_ENDED", 2)
    clock = Clock()
    sessions = Sessions(["k"], clock=clock)
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
    sessions = Sessions(["k"])
    one, other = (sessions.read(begun(sessions, "k")) for _ in range(2))
    token = sessions.token(one)
    assert sessions.fits(token, one)
    assert not sessions.fits(token, other)
    assert not sessions.fits(token, None)
    assert not sessions.fits("", one)
    assert sessions.fits(sessions.token(None), None)
    assert not Sessions(["k"]).fits(sessions.token(None), None)
