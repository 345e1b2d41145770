"""The paths of the service."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Request, Response, Security
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from fastapi.security import APIKeyHeader, HTTPBearer

from leadml.api.access.gate import log
from leadml.api.access.refusals import Backlog
from leadml.api.access.scopes import needs
from leadml.api.access.strict_json import StrictRoute
from leadml.api.recording.recorder import Recorder
from leadml.api.routes import schemas
from leadml.api.routes.model_card import model_card
from leadml.api.routes.scoring import Asked, batch_answer, one_answer
from leadml.api.serving.pulse import Pulse
from leadml.workflows.score import Scorer

SECURITY = [
    Security(HTTPBearer(auto_error=False, scheme_name="Bearer")),
    Security(APIKeyHeader(name="X-API-Key", auto_error=False, scheme_name="ApiKey")),
]
"""What the description says of keys; the gate checks them before a body is read."""

KEY_RESPONSES: dict[int | str, dict[str, Any]] = {
    401: {"model": schemas.Problem, "description": "The API key is missing or unknown"},
    403: {"model": schemas.Problem, "description": "The API key may not do this"},
    429: {
        "model": schemas.Problem,
        "description": "The API key's limit is reached",
        "headers": {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds"}},
    },
}
"""What the gate and `needs` answer on every path that takes a key."""

health = APIRouter(tags=["health"])
scoring = APIRouter(
    prefix="/v1",
    tags=["scoring"],
    route_class=StrictRoute,
    dependencies=SECURITY,
    responses=KEY_RESPONSES
    | {503: {"model": schemas.Problem, "description": "There is no champion to serve"}},
)
BODY_RESPONSES: dict[int | str, dict[str, Any]] = {
    413: {"model": schemas.Problem, "description": "The body has more than 5 MB"},
    422: {"model": schemas.Invalid, "description": "A field cannot be read; `loc` is its path"},
}

OVERLOAD: dict[int | str, dict[str, Any]] = {
    503: {
        "model": schemas.Problem,
        "description": "There is no champion to serve; or, with Retry-After, too much to do",
        "headers": {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds"}},
    },
}


async def serving(request: Request) -> Scorer:
    """Return the scorer that serves now; answer 503 where there is none."""
    champion = request.app.state.champion
    if champion.scorer is None:
        log.error("no champion to serve: %s", champion.problem)
        raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, champion.notice)
    scorer: Scorer = champion.scorer
    return scorer


async def recording(request: Request) -> Recorder:
    """Return what takes scores to the ledger; answer 503 where it has no room for more."""
    recorder: Recorder = request.app.state.recorder
    if recorder.full:
        raise Backlog
    return recorder


async def beating(request: Request) -> Pulse:
    """Return what counts the scores given."""
    pulse: Pulse = request.app.state.pulse
    return pulse


Serving = Annotated[Scorer, Depends(serving)]
Recording = Annotated[Recorder, Depends(recording)]
Beating = Annotated[Pulse, Depends(beating)]


@health.get("/healthz", operation_id="health", response_model=schemas.Status)
async def healthz() -> schemas.Status:
    """Tell that the process lives."""
    return schemas.Status()


@health.get(
    "/readyz",
    operation_id="readiness",
    response_model=schemas.Readiness,
    responses={503: {"model": schemas.Problem, "description": "There is no champion to serve"}},
)
async def readyz(request: Request, scorer: Serving) -> schemas.Readiness:
    """Tell that there is a champion to score with, and whether what it answers is recorded."""
    state = request.app.state
    refused = state.champion.shown(state.champion.refused) or None
    recording = state.recorder.recording
    return schemas.Readiness(version=scorer.version, problem=refused, recording=recording)


@scoring.post(
    "/score",
    dependencies=[Depends(needs("score"))],
    operation_id="score_lead",
    response_model=schemas.ScoreAnswer,
    responses=BODY_RESPONSES | OVERLOAD,
)
async def score(
    request: schemas.ScoreRequest, scorer: Serving, recorder: Recording, pulse: Beating
) -> Response:
    """Score one lead, and record the score."""
    status, content = one_answer(scorer, recorder, _asked(request), pulse)
    return Response(content, status, media_type="application/json")


@scoring.post(
    "/score/batch",
    dependencies=[Depends(needs("score"))],
    operation_id="score_leads",
    response_model=schemas.BatchAnswer,
    responses=BODY_RESPONSES | OVERLOAD,
)
async def score_batch(
    request: schemas.BatchRequest, scorer: Serving, recorder: Recording, pulse: Beating
) -> Response:
    """Score up to 1,000 leads, and record the scores.

    A request that is not built as described is refused as a whole (422). A lead whose values cannot
    be read has its reason in `error`, the path of each in `errors`, and null numbers; the others
    are scored.
    """
    asked = [_asked(lead) for lead in request.leads]
    content = await run_in_threadpool(batch_answer, scorer, recorder, asked, pulse)
    return Response(content, media_type="application/json")


def _asked(request: schemas.ScoreRequest) -> Asked:
    return Asked(request.lead, request.activities, request.account_activities, request.as_of)


@scoring.get(
    "/model",
    dependencies=[Depends(needs("score", "read"))],
    operation_id="model",
    response_model=schemas.ModelCard,
)
async def model(scorer: Serving) -> JSONResponse:
    """Tell which version serves, what it was trained on and what its cuts rest on."""
    return JSONResponse(model_card(scorer))
