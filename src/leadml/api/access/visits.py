"""One look at a page: who looks, and what they may do."""

from dataclasses import dataclass

from fastapi import Request

from leadml.api.access.scopes import scopes_of
from leadml.api.access.sessions import Session, Sessions


@dataclass(frozen=True)
class Visit:
    """Who looks at a page.

    Attributes
    ----------
    sessions : Sessions
    session : Session or None
        None on a machine without keys, and for callers that send a key.
    scopes : frozenset of str
    caller : str
        Whose key was sent along, if one was.
    """

    sessions: Sessions
    session: Session | None
    scopes: frozenset[str]
    caller: str

    @property
    def may_change(self) -> bool:
        """Whether they may change what serves."""
        return "admin" in self.scopes

    @property
    def who(self) -> str:
        """Who it is, for the log: never a key."""
        if self.session is not None:
            return self.session.who
        return self.caller if self.sessions.needed else "this machine"

    @property
    def token(self) -> str:
        """The token of the forms of this page."""
        return self.sessions.token(self.session)


def visit_of(request: Request) -> Visit:
    """Return who makes a request, as the gate found it."""
    state = request.scope.get("state", {})
    session, caller = state.get("session"), state.get("caller", "")
    return Visit(request.app.state.sessions, session, scopes_of(request), caller)
