"""Scores for HubSpot's workflows: its signature is the key, its properties are the lead."""

from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Body, HTTPException, Request, Response, Security
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from fastapi.security import APIKeyHeader
from pydantic import SkipValidation

from leadml.api.access.gate import HUBSPOT, log
from leadml.api.access.hubspot_signature import SIGNATURE, problem_of
from leadml.api.access.strict_json import StrictRoute
from leadml.api.recording.recorder import Recorder
from leadml.api.routes import hubspot_schemas, schemas
from leadml.api.routes.hubspot_payload import PayloadError, lead_of, output_fields
from leadml.api.routes.score_routes import BODY_RESPONSES, Recording, Serving
from leadml.api.routes.scoring import Asked, one_answer
from leadml.api.serving.pulse import Pulse
from leadml.settings import Settings
from leadml.workflows.score import Scorer

_SIGNATURE = APIKeyHeader(
    name="X-HubSpot-Signature-v3", auto_error=False, scheme_name="HubSpotSignature"
)
_NOT_WIRED = (
    "HubSpot is not wired to this service: set LEADML_HUBSPOT_SECRET to the client secret of the "
    "HubSpot app"
)


class SignedRoute(StrictRoute):
    """A route that looks at nothing but the signature before it fits."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler."""
        inner = super().get_route_handler()

        async def handle(request: Request) -> Response:
            _verify(request)
            return await inner(request)

        return handle


hubspot = APIRouter(tags=["crm"], route_class=SignedRoute)

HubSpotBody = Annotated[
    hubspot_schemas.HubSpotAction | hubspot_schemas.HubSpotWebhook, SkipValidation, Body()
]


@hubspot.post(
    HUBSPOT,
    dependencies=[Security(_SIGNATURE)],
    operation_id="score_hubspot",
    response_model=hubspot_schemas.HubSpotAnswer,
    responses=BODY_RESPONSES
    | {
        401: {"model": schemas.Problem, "description": "HubSpot's signature is missing or wrong"},
        403: {"model": schemas.Problem, "description": "No key is set: this machine alone may ask"},
        413: {"model": schemas.Problem, "description": "The body has more than 1 MB"},
        404: {"model": schemas.Problem, "description": "HubSpot is not wired to this service"},
        422: {"model": schemas.Problem, "description": "The body is none of HubSpot's"},
        503: {"model": schemas.Problem, "description": "There is no champion to serve"},
    },
)
async def score_hubspot(
    request: Request, body: HubSpotBody, scorer: Serving, recorder: Recording
) -> JSONResponse:
    """Score the object that a HubSpot workflow sends, record the score, answer output fields.

    Takes the payloads of custom workflow actions and of workflow webhooks. A value that cannot be
    read is told in `leadml_error`, and the workflow goes on (`FAIL_CONTINUE`).
    """
    columns = request.app.state.settings.hubspot.columns
    try:
        lead = lead_of(body, scorer, columns)
    except PayloadError as error:
        raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, str(error)) from None
    fields = await run_in_threadpool(_scored, scorer, recorder, request.app.state.pulse, lead)
    return JSONResponse({"outputFields": fields})


def _scored(
    scorer: Scorer, recorder: Recorder, pulse: Pulse, lead: dict[str, Any]
) -> dict[str, str | float]:
    """Answer as `POST /v1/score` does, then tell it flat."""
    _, content = one_answer(scorer, recorder, Asked(lead), pulse)
    answer: dict[str, Any] = orjson.loads(content)
    problems = [f"{problem['loc'][-1]}: {problem['msg']}" for problem in answer.get("detail", ())]
    return output_fields(answer, problems)


def _verify(request: Request) -> None:
    """Refuse whoever is not HubSpot; who signs nothing does not learn whether it is wired."""
    settings: Settings = request.app.state.settings
    state = request.scope["state"]
    if not settings.hubspot_secret and state["fields"].get(SIGNATURE):
        raise HTTPException(HTTPStatus.NOT_FOUND, _NOT_WIRED)
    problem = problem_of(
        state["fields"],
        state["body"],
        secret=settings.hubspot_secret,
        method=request.method,
        addresses=_addresses(request, settings),
    )
    if problem:
        if SIGNATURE in state["fields"]:  # others are for the access log alone
            log.warning("audit: a request to %s was not HubSpot's: %s", HUBSPOT, problem)
        headers = {"WWW-Authenticate": "HubSpot-Signature-v3"}
        raise HTTPException(HTTPStatus.UNAUTHORIZED, problem, headers)
    state["caller"] = "hubspot"


def _addresses(request: Request, settings: Settings) -> set[str]:
    """Return by which addresses HubSpot may have called.

    Without a public address they are made of what the request says: a Host that is not ours helps
    nobody who lacks the secret. HubSpot calls by HTTPS, whatever the proxy that ends it says.
    """
    path, query = request.scope.get("raw_path", b"").decode("latin-1"), request.url.query
    asked = f"{path}?{query}" if query else path
    if settings.public_url:
        return {f"{settings.public_url}{asked}"}
    said = request.headers.get("x-forwarded-host") if settings.trusted_proxies else None
    host = (said or request.headers.get("host", "")).partition(",")[0].strip()
    return {f"{scheme}://{host}{asked}" for scheme in (request.url.scheme, "https")}
