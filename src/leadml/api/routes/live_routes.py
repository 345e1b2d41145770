"""Taking up at once the champion that is named, for whoever deploys."""

from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool

from leadml.api.access.gate import log
from leadml.api.access.scopes import needs
from leadml.api.access.visits import visit_of
from leadml.api.routes import schemas
from leadml.api.routes.score_routes import KEY_RESPONSES, SECURITY
from leadml.api.serving.champion import Champion

live = APIRouter(prefix="/v1", tags=["model"], dependencies=SECURITY, responses=KEY_RESPONSES)


@live.post(
    "/model/reload",
    dependencies=[Depends(needs("admin"))],
    operation_id="reload_model",
    response_model=schemas.Reloading,
)
async def reload_model(request: Request) -> schemas.Reloading:
    """Load the champion that is named now, without waiting for the next look.

    Requests under way end with the version they started with. A version that cannot be loaded is
    refused: the answer says why, and the one before goes on serving. Other workers of the service
    follow within about a second.
    """
    champion: Champion = request.app.state.champion
    async with request.app.state.promoting:
        done = await run_in_threadpool(champion.load)
    who, outcome = visit_of(request).who, "refused" if done.problem else "sound"
    log.info("audit: %s had the champion loaded: %s, version %s serves", who, outcome, done.version)
    return schemas.Reloading(
        version=done.version,
        previous=done.previous,
        changed=done.changed,
        problem=champion.shown(done.problem) or None,
        challenger=done.challenger,
        challenger_problem=champion.shown(done.challenger_problem) or None,
    )
