"""The application: routes behind the gate, every refusal as JSON."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.datastructures import State

import leadml
from leadml.api.access.gate import OPEN_PATHS, OPENAPI, OPENAPI_30, Gate
from leadml.api.access.keyring import Keyring
from leadml.api.access.rate_limits import RateLimits
from leadml.api.access.scopes import scopes_of
from leadml.api.described.description import Description
from leadml.api.described.docs_page import docs_page
from leadml.api.monitoring.log_lines import Lines
from leadml.api.monitoring.metrics import Metrics
from leadml.api.monitoring.request_log import RequestLog
from leadml.api.monitoring.shared_folder import shared_folder
from leadml.api.pages.head import Head
from leadml.api.pages.page_answer import plain_answer
from leadml.api.pages.website import PAGE_PATHS, add_pages
from leadml.api.recording.ledger_link import LedgerLink
from leadml.api.recording.recorder import Recorder
from leadml.api.routes.direct import Direct
from leadml.api.routes.hubspot import hubspot
from leadml.api.routes.ledger_routes import ledger, record_events
from leadml.api.routes.ledger_schemas import EventIn
from leadml.api.routes.live_routes import live
from leadml.api.routes.metrics_route import monitoring
from leadml.api.routes.problems import described
from leadml.api.routes.schemas import BatchRequest, ScoreRequest
from leadml.api.routes.score_routes import health, score_batch, scoring
from leadml.api.routes.webhook_schemas import sent
from leadml.api.serving.champion import Champion
from leadml.api.serving.courier import Courier
from leadml.api.serving.pulse import Pulse
from leadml.api.serving.shadow import Shadow
from leadml.api.serving.watch import Watch
from leadml.settings import Settings
from leadml.workflows.intake import journal_of

ROUTERS = (health, scoring, ledger, monitoring, hubspot, live)
API_PATHS = frozenset(
    route.path_format
    for router in ROUTERS
    for route in router.routes
    if isinstance(route, APIRoute)
)
"""Paths for programs, as they are described: the whole description takes longer than all else."""

_DESCRIPTION = """\
Scores leads with the champion, under the agreement that marketing and sales signed: the fields and
numbers of `leadml score`.
"""


def create_app(
    settings: Settings,
    *,
    lines: Lines | None = None,
    secret: bytes | None = None,
    keyring: Keyring | None = None,
) -> FastAPI:
    """Build the service.

    Parameters
    ----------
    settings : Settings
        `settings.models` names the champion; `settings.api_keys`, `settings.admin_keys` and those
        of `settings.keys_file` are the keys accepted. Without any key, only requests from this
        machine to a loopback address are answered.
    lines : Lines, optional
        Takes the log; default the logging of this process.
    secret : bytes, optional
        Signs the cookies of sessions; the workers of one service share it.
    keyring : Keyring, optional
        Who holds which key; default the keys of `settings`, as they are now.

    Returns
    -------
    FastAPI
        Its ``state.champion`` holds the version that serves; without a champion the service starts
        and answers 503. Its ``state.ledger`` is the way to the ledger; without a ledger the service
        scores, and says that it does not record. Its ``state.metrics`` counts.
    """
    app = FastAPI(
        title="leadml",
        version=leadml.__version__,
        description=_DESCRIPTION,
        openapi_url=None,  # its own would tell everybody the same
        docs_url=None,  # its page fetches scripts from the network
        redoc_url=None,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # nothing leaves by itself
        lifespan=_recording,
        exception_handlers={RequestValidationError: _invalid},
        webhooks=sent,
    )
    app.state.settings = settings
    app.state.lines = lines
    _add_models(app.state, settings)
    app.state.keyring = Keyring.of(settings) if keyring is None else keyring
    _add_recording(app.state, settings)
    for router in ROUTERS:
        app.include_router(router)
    app.add_api_route("/docs", _docs, include_in_schema=False)
    app.add_api_route(OPENAPI, _openapi, include_in_schema=False)
    app.add_api_route(OPENAPI_30, _openapi_30, include_in_schema=False)
    sessions = add_pages(app, settings, secret)
    app.state.description = Description(
        app, lambda: app.state.champion.scorer, lambda: app.state.keyring.needed
    )
    app.add_middleware(Head)
    app.add_middleware(Direct, state=app.state)
    app.add_middleware(  # the last added is the first asked
        Gate,
        keyring=app.state.keyring,
        paths=OPEN_PATHS | PAGE_PATHS | API_PATHS,
        sessions=sessions,
        pages=PAGE_PATHS,
        limits=RateLimits(settings.keys_file.with_suffix(".rates"), app.state.metrics.rate_limited),
        requests=RequestLog(app.state.metrics, lines),
        signatures=bool(settings.hubspot_secret),
    )
    return app


def _add_models(state: State, settings: Settings) -> None:
    """Load what scores, and watch it."""
    state.metrics = Metrics(shared_folder())
    failed, shadow = state.metrics.load_failed, settings.serve.shadow > 0
    state.champion = Champion(settings.models, failed=failed, shadow=shadow)
    state.watch = Watch(settings.models, state.champion.load)  # what comes later counts
    state.champion.load()


def _add_recording(state: State, settings: Settings) -> None:
    """Add the way to the ledger, and what is done behind the answers."""
    state.ledger = LedgerLink(
        settings.store_url, reasons=settings.rejections, webhooks=settings.webhook_kinds
    )
    state.ledger.look()
    state.recorder = Recorder(state.ledger, journal_of(settings))
    state.courier = Courier(state.ledger.open, settings)
    state.metrics.webhooks = state.courier.counts
    served = (state.champion, state.recorder, state.metrics)
    state.shadow = Shadow(*served, share=settings.serve.shadow)
    state.pulse = Pulse(*served, also=state.shadow.offer)


@asynccontextmanager
async def _recording(app: FastAPI) -> AsyncIterator[None]:
    """Write scores to the ledger and watch the champion while the service runs.

    What still waits when it ends is written.

    Messages to webhooks are sent meanwhile; those left over are sent after the next start.

    A server that is interrupted twice skips its own ending and cancels this: then, too, what waits
    is written.
    """
    app.state.recorder.start()
    app.state.pulse.start()
    app.state.courier.start()
    app.state.watch.start()
    app.state.shadow.start()
    try:
        yield
    finally:
        app.state.watch.close()
        app.state.shadow.close()
        app.state.pulse.close()
        await run_in_threadpool(app.state.courier.close)
        await run_in_threadpool(app.state.recorder.close)
        app.state.ledger.close()
        if app.state.lines is not None:
            app.state.lines.close()


def _openapi(request: Request) -> JSONResponse:
    return JSONResponse(_described(request))


def _openapi_30(request: Request) -> JSONResponse:
    fields = bool(scopes_of(request))
    return JSONResponse(request.app.state.description.openapi_30(fields=fields))


def _docs(request: Request) -> HTMLResponse:
    return plain_answer(docs_page(_described(request)))


def _described(request: Request) -> dict[str, Any]:
    description: Description = request.app.state.description
    return description.openapi(fields=bool(scopes_of(request)))


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    """Answer 422 with path and message of each problem, without repeating what was sent."""
    problems = error.errors() if isinstance(error, RequestValidationError) else ()
    body = _BODIES.get(request.scope["route"].name, ScoreRequest)
    return JSONResponse({"detail": described(problems, body)}, 422)


_BODIES: dict[str, type[BaseModel]] = {
    score_batch.__name__: BatchRequest,
    record_events.__name__: EventIn,
}
