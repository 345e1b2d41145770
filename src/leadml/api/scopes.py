"""What a caller may do: scopes that the gate hands on, and the routes that ask for one."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Literal

from fastapi import HTTPException, Request

ScopeName = Literal["score", "events", "read", "admin"]

NO_SCOPES: frozenset[str] = frozenset()
KEY_SCOPES = frozenset({"score", "events", "read"})
"""What a plain key may do: score leads, tell events, read models and histories."""
ADMIN_SCOPES = KEY_SCOPES | {"admin"}


def scopes_of(request: Request) -> frozenset[str]:
    """Return what the caller of a request may do, as the gate found it; nothing without a gate."""
    scopes: frozenset[str] = request.scope.get("state", {}).get("scopes", NO_SCOPES)
    return scopes


def needs(name: ScopeName) -> Callable[[Request], Awaitable[None]]:
    """Return a dependency that answers 403 where the caller lacks a scope."""

    async def needed(request: Request) -> None:
        scopes = scopes_of(request)
        if name not in scopes:
            has = ", ".join(sorted(scopes)) or "none"
            raise HTTPException(
                HTTPStatus.FORBIDDEN,
                f"this needs the scope {name}; the key sent has: {has}",
            )

    return needed
