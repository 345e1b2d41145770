"""`GET /metrics`."""

from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from leadml.api.access.scopes import needs
from leadml.api.monitoring.metrics import CONTENT_TYPE
from leadml.api.routes.score_routes import KEY_RESPONSES, SECURITY

monitoring = APIRouter(tags=["operations"], dependencies=SECURITY, responses=KEY_RESPONSES)


@monitoring.get(
    "/metrics",
    dependencies=[Depends(needs("read"))],
    operation_id="metrics",
    response_class=Response,  # says nothing of refusals, which are JSON as everywhere
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def metrics(request: Request) -> Response:
    """Tell counts, times, queues and drift in the text format of Prometheus."""
    text = await run_in_threadpool(request.app.state.metrics.text)
    return Response(text, media_type=CONTENT_TYPE)
