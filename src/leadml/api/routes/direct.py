"""Scores answered directly: a well-built POST of leads needs nothing of a web framework.

Finding the route, solving its dependencies, validating into models and making a response cost more
than the score itself. So what is surely well built is answered here, by the functions that the
routes use. All else is handed on to them: they alone refuse, in their words.
"""

from collections.abc import Callable
from http import HTTPStatus
from json import JSONDecodeError
from typing import NamedTuple

from anyio import CapacityLimiter, to_thread
from starlette.datastructures import State
from starlette.types import ASGIApp, Receive, Scope, Send

from leadml.api.access.refusals import Backlog, Crowded
from leadml.api.access.strict_json import strict_json
from leadml.api.recording.recorder import Recorder
from leadml.api.routes.schemas import MOST_ACTIVITIES, MOST_LEADS
from leadml.api.routes.scoring import Asked, batch_answer, one_answer
from leadml.api.serving.pulse import Pulse
from leadml.workflows.score import Scorer

AT_ONCE_BYTES = 32_768
"""Bytes of one lead up to which it is scored at once: a larger one would hold up the others."""
AT_ONCE_BYTES_BATCH = 4_096
THREADS = 2
"""Large requests worked on at a time; they share one interpreter."""
MOST_WAITING = 64
"""Large requests that wait or are worked on; one more is answered 503."""

Answer = tuple[HTTPStatus, bytes]


class Direct:
    """ASGI middleware behind the gate: answers well-built requests for scores, hands on all else.

    Parameters
    ----------
    app : ASGI application
        What answers all else.
    state : State
        Its ``champion`` serves, its ``recorder`` takes the scores, its ``pulse`` counts them.
    """

    def __init__(self, app: ASGIApp, state: State) -> None:
        self.app = app
        self._state = state
        self._threads = CapacityLimiter(THREADS)
        self._waiting = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or hand it on."""
        work = _WORK.get(scope["path"]) if scope.get("method") == "POST" else None
        scorer: Scorer | None = self._state.champion.scorer
        if work is None or scorer is None or not _welcome(scope):
            await self.app(scope, receive, send)
            return
        if self._state.recorder.full:
            raise Backlog
        answer = await self._answered(work, scorer, scope["state"]["body"])
        if answer is None:
            await self.app(scope, receive, send)
            return
        status, content = answer
        length = b"%d" % len(content)
        headers = [(b"content-length", length), (b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    async def _answered(self, work: "Work", scorer: Scorer, body: bytes) -> Answer | None:
        recorder: Recorder = self._state.recorder
        pulse: Pulse = self._state.pulse
        if len(body) <= work.at_once:
            return work.answer(scorer, recorder, body, pulse)
        if self._waiting >= MOST_WAITING:
            raise Crowded
        self._waiting += 1
        try:
            return await to_thread.run_sync(
                work.answer, scorer, recorder, body, pulse, limiter=self._threads
            )
        finally:
            self._waiting -= 1


def _welcome(scope: Scope) -> bool:
    """Tell whether the caller may score, and says that it sends JSON."""
    state = scope["state"]
    kind = state["fields"].get(b"content-type", b"")
    return "score" in state["scopes"] and (
        kind == b"application/json" or kind.startswith(b"application/json;")
    )


_NAMES = frozenset(Asked._fields)


def _read(body: bytes) -> object:
    try:
        return strict_json(body)
    except JSONDecodeError:
        return None


def _asked(value: object) -> Asked | None:
    """Return a lead as it is described; None of anything else."""
    if type(value) is not dict or not value.keys() <= _NAMES:
        return None
    lead, as_of = value.get("lead"), value.get("as_of")
    own, others = value.get("activities"), value.get("account_activities")
    if type(lead) is not dict or not (as_of is None or type(as_of) is str):
        return None
    return Asked(lead, own, others, as_of) if _listed(own) and _listed(others) else None


def _listed(touches: object) -> bool:
    if touches is None:
        return True
    if type(touches) is not list or len(touches) > MOST_ACTIVITIES:
        return False
    return all(type(touch) is dict for touch in touches)


def _one(scorer: Scorer, recorder: Recorder, body: bytes, pulse: Pulse) -> Answer | None:
    asked = _asked(_read(body))
    return None if asked is None else one_answer(scorer, recorder, asked, pulse)


def _batch(scorer: Scorer, recorder: Recorder, body: bytes, pulse: Pulse) -> Answer | None:
    sent = _read(body)
    if type(sent) is not dict or sent.keys() != {"leads"} or type(sent["leads"]) is not list:
        return None
    if len(sent["leads"]) > MOST_LEADS:
        return None
    asked = [lead for value in sent["leads"] if (lead := _asked(value)) is not None]
    if len(asked) != len(sent["leads"]):
        return None
    return HTTPStatus.OK, batch_answer(scorer, recorder, asked, pulse)


class Work(NamedTuple):
    """How one path is answered."""

    answer: Callable[[Scorer, Recorder, bytes, Pulse], Answer | None]
    at_once: int


_WORK = {
    "/v1/score": Work(_one, AT_ONCE_BYTES),
    "/v1/score/batch": Work(_batch, AT_ONCE_BYTES_BATCH),
}
