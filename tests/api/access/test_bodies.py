"""How much of bodies is held, and for how long they are awaited."""

import asyncio
from collections.abc import MutableMapping, Sequence
from typing import Any

import pytest

from leadml.api.access import bodies
from leadml.api.access.bodies import MOST_BYTES, SMALL, Bodies, Body
from leadml.api.access.refusals import Crowded, Overload, Refusal


class Connection:
    """Gives parts of a body; waits for ever after the last where more are announced."""

    def __init__(self, parts: Sequence[bytes], *, ends: bool = True) -> None:
        self.parts, self.ends = list(parts), ends

    async def __call__(self) -> MutableMapping[str, Any]:
        if not self.parts:
            await asyncio.Event().wait()
        part = self.parts.pop(0)
        more = bool(self.parts) or not self.ends
        return {"type": "http.request", "body": part, "more_body": more}


def read(held: Bodies, *parts: bytes, announced: bytes = b"", ends: bool = True) -> Body:
    fields = {b"content-length": announced} if announced else {}
    return asyncio.run(held.read(fields, Connection(parts, ends=ends), MOST_BYTES))


def test_a_body_is_put_together_and_given_once() -> None:
    body = read(Bodies(), b"ab", b"", b"cd")
    assert body.content == b"abcd"
    message = asyncio.run(body())
    assert message == {"type": "http.request", "body": b"abcd", "more_body": False}
    body._receive = Connection([b"next"])
    assert asyncio.run(body())["body"] == b"next"


@pytest.mark.parametrize(
    ("parts", "announced", "counted"),
    [
        ([b"x" * SMALL], b"", 0),
        ([b"x" * SMALL], b"16384", 0),
        ([b"x" * 9_000, b"x" * 9_000], b"18000", 18_000),
        ([b"x" * 9_000, b"x" * 9_000], b"", 18_000),
        ([b"x" * 20_000], b"30000", 30_000),  # less comes than was announced
        ([b"x"], b"9" * 5_000, 0),  # no number of bytes
    ],
)
def test_large_bodies_are_counted_until_they_are_released(
    parts: list[bytes], announced: bytes, counted: int
) -> None:
    held = Bodies()
    body = read(held, *parts, announced=announced)
    assert held.held == counted
    body.release()
    body.release()
    assert (held.held, held.awaited) == (0, 0)


def test_one_large_body_too_many_is_refused_before_it_is_read() -> None:
    held = Bodies(50_000)
    first = read(held, b"x" * 30_000, announced=b"30000")
    with pytest.raises(Crowded, match="too many large requests"):
        read(held, announced=b"20001")
    with pytest.raises(Crowded):
        read(held, b"x" * 10_000, b"x" * 10_001)
    assert held.held == 30_000
    assert read(held, b"x" * SMALL).content == b"x" * SMALL
    first.release()
    assert read(held, b"x" * 20_001, announced=b"20001").content
    assert held.awaited == 0


def test_a_slow_body_is_refused_and_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "BODY_SECONDS", 0.01)
    held = Bodies()
    with pytest.raises(Refusal, match=r"did not arrive within 0 seconds") as refused:
        read(held, b"x", announced=b"30000", ends=False)
    assert (refused.value.status, held.held, held.awaited) == (408, 0, 0)


def test_where_many_are_awaited_a_slow_body_has_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "HURRY_SECONDS", 0.01)
    held = Bodies()
    held.awaited = bodies.MOST_AWAITED
    with pytest.raises(Overload, match="body is still awaited") as refused:
        read(held, b"x", ends=False)
    assert refused.value.headers == {"Retry-After": "1"}
    assert read(held, b"quick").content == b"quick"
    assert held.awaited == bodies.MOST_AWAITED
