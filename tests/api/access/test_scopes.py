"""What each kind of key may do, and what a route says to one that may not."""

from typing import Any

import pytest
from fastapi import Depends, FastAPI, Request

from leadml.api.access.gate import Gate
from leadml.api.access.keyring import Keyring
from leadml.api.access.scopes import needs, scopes_of

PLAIN, ADMIN = {"X-API-Key": "plain"}, {"X-API-Key": "chief"}


def guarded(keys: tuple[str, ...] = (), admin_keys: tuple[str, ...] = ()) -> FastAPI:
    app = FastAPI()

    @app.get("/scopes")
    async def tell(request: Request) -> list[str]:
        return sorted(scopes_of(request))

    @app.get("/healthz")
    async def open_path(request: Request) -> list[str]:
        return sorted(scopes_of(request))

    @app.post("/promote", dependencies=[Depends(needs("admin"))])
    async def promote() -> str:
        return "done"

    app.add_middleware(Gate, keyring=Keyring(keys, admin_keys), paths=())
    return app


def test_this_machine_may_do_everything_where_no_key_is_set(serve_app: Any) -> None:
    with serve_app(guarded()) as server:
        assert server.client.get("/scopes").json() == ["admin", "events", "read", "score"]


@pytest.mark.parametrize(
    ("headers", "scopes"),
    [
        (PLAIN, ["events", "score"]),
        (ADMIN, ["admin", "events", "read", "score"]),
        ({"Authorization": "Bearer chief"}, ["admin", "events", "read", "score"]),
        ({"X-API-Key": "both"}, ["admin", "events", "read", "score"]),
    ],
)
def test_keys_have_their_scopes(serve_app: Any, headers: dict[str, str], scopes: list[str]) -> None:
    with serve_app(guarded(("plain", "both"), ("both", "chief"))) as server:
        assert server.client.get("/scopes", headers=headers).json() == scopes


def test_without_its_scope_a_route_answers_403_and_says_which(serve_app: Any) -> None:
    with serve_app(guarded(("plain",), ("chief",))) as server:
        refused = server.client.post("/promote", headers=PLAIN)
        assert refused.status_code == 403
        assert refused.json() == {
            "detail": "this needs the scope admin; the key sent has: events, score"
        }
        assert server.client.post("/promote", headers=ADMIN).json() == "done"


def test_an_admin_key_alone_closes_the_door(serve_app: Any) -> None:
    with serve_app(guarded((), ("chief",))) as server:
        assert server.client.get("/scopes").status_code == 401
        assert server.client.get("/scopes", headers=ADMIN).status_code == 200


def test_who_sends_no_key_to_an_open_path_may_do_nothing_else(serve_app: Any) -> None:
    with serve_app(guarded(("plain",))) as server:
        assert server.client.get("/healthz").json() == []


def test_without_a_gate_nothing_is_allowed() -> None:
    assert scopes_of(Request({"type": "http"})) == frozenset()
