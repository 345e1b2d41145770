"""Who signed in at a browser: a signed cookie that holds no key, and the token of every form.

A cookie is ``mark.until.nonce.signature``. The mark is a keyed hash of the key that was typed in:
a session ends with its key. The secret lives as long as the process: a restart ends all sessions.
"""

import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from leadml.api.access.keyring import Caller, Keyring

COOKIE = "leadml_session"
SECONDS = 12 * 3600
"""How long a session lasts."""
MOST_ENDED = 10_000
"""Sessions ended early that are remembered until they would have ended by themselves."""


@dataclass(frozen=True)
class Session:
    """One person signed in.

    Attributes
    ----------
    who : str
        Which key opened it, by its name; never the key.
    scopes : frozenset of str
    nonce : str
        What tells this session from others.
    until : int
        When it ends, in seconds since 1970, UTC.
    """

    who: str
    scopes: frozenset[str]
    nonce: str
    until: int


class Sessions:
    """Begins, reads and ends sessions.

    Parameters
    ----------
    keyring : Keyring
        Whose keys open one, if they may read. It may do what its key may.
    secret : bytes, optional
        Signs cookies and tokens; default a new one.
    folder : Path, optional
        Shared by the workers of one service: a session ended at one is ended at all.
    clock : callable
        Seconds since 1970.
    """

    def __init__(
        self,
        keyring: Keyring,
        *,
        secret: bytes | None = None,
        folder: Path | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._keyring = keyring
        self._secret = secret or secrets.token_bytes(32)
        self._clock = clock
        self._ended: dict[str, int] = {}
        self._folder = folder

    @property
    def needed(self) -> bool:
        """Whether there are keys, and so something to sign in with."""
        return self._keyring.needed

    def holder(self, key: str) -> Caller | None:
        """Return who holds a key that was typed in."""
        return self._keyring.holder(key.encode("utf-8", "replace"))

    def begin(self, caller: Caller) -> str:
        """Return the cookie of a new session.

        Raises
        ------
        ValueError
            If the caller may not read: there is nothing to see.
        """
        if "read" not in caller.scopes:
            msg = f"{caller.name} may not read"
            raise ValueError(msg)
        mark = self._mark(caller)
        content = f"{mark}.{int(self._clock()) + SECONDS}.{secrets.token_urlsafe(16)}"
        return f"{content}.{self._sign('session', content)}"

    def read(self, cookie: str) -> Session | None:
        """Return the session of a cookie, unless it is forged, over, or its key is gone."""
        content, _, signature = cookie.rpartition(".")
        if not cookie.isascii() or not hmac.compare_digest(
            signature, self._sign("session", content)
        ):
            return None
        mark, until, nonce = content.split(".")
        holders = self._keyring.callers()
        caller = next((known for known in holders if self._mark(known) == mark), None)
        if caller is None or int(until) <= self._clock() or self._is_ended(nonce):
            return None
        return Session(caller.name, caller.scopes, nonce, int(until))

    def end(self, session: Session) -> None:
        """End a session before its time."""
        now = self._clock()
        if len(self._ended) >= MOST_ENDED:
            self._ended = {nonce: until for nonce, until in self._ended.items() if until > now}
        if len(self._ended) < MOST_ENDED:
            self._ended[session.nonce] = session.until
            if self._folder is not None:
                _mark_of_end(self._folder, session.nonce).touch()

    def _is_ended(self, nonce: str) -> bool:
        """Tell whether a session was ended here or at another worker."""
        if nonce in self._ended:
            return True
        return self._folder is not None and _mark_of_end(self._folder, nonce).exists()

    def token(self, session: Session | None) -> str:
        """Return what a form must send back; without a session it is the process's own."""
        return self._sign("form", session.nonce if session else "")

    def fits(self, token: str, session: Session | None) -> bool:
        """Tell whether a form sent the token it was given."""
        return hmac.compare_digest(token.encode(), self.token(session).encode())

    def _mark(self, caller: Caller) -> str:
        return self._sign("key", f"{caller.mark.hex()} {sorted(caller.scopes)}")

    def _sign(self, purpose: str, content: str) -> str:
        return hmac.new(self._secret, f"{purpose}|{content}".encode(), sha256).hexdigest()


def _mark_of_end(folder: Path, nonce: str) -> Path:
    return folder / f"ended_{sha256(nonce.encode()).hexdigest()}"
