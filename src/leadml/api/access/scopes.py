"""What a caller may do: scopes that the gate hands on, and the routes that ask for one."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus

from fastapi import HTTPException, Request

from leadml.domain.api_key import NO_SCOPES, Scope


def scopes_of(request: Request) -> frozenset[str]:
    """Return what the caller of a request may do, as the gate found it; nothing without a gate."""
    scopes: frozenset[str] = request.scope.get("state", {}).get("scopes", NO_SCOPES)
    return scopes


def needs(*names: Scope) -> Callable[[Request], Awaitable[None]]:
    """Return a dependency that answers 403 where the caller has none of the scopes named."""

    async def needed(request: Request) -> None:
        scopes = scopes_of(request)
        if scopes.isdisjoint(names):
            has = ", ".join(sorted(scopes)) or "none"
            raise HTTPException(
                HTTPStatus.FORBIDDEN,
                f"this needs the scope {' or '.join(names)}; the key sent has: {has}",
            )

    return needed
