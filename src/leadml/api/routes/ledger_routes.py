"""The paths of the ledger: what happened to leads goes in, a lead's history comes out."""

from http import HTTPStatus
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Body, Depends, HTTPException, Path, Query, Request
from fastapi.responses import JSONResponse
from pydantic import SkipValidation

from leadml.api.access.gate import log
from leadml.api.access.scopes import needs
from leadml.api.access.strict_json import StrictRoute
from leadml.api.recording.ledger_link import RETRY_SECONDS, LedgerLink
from leadml.api.routes import ledger_schemas, schemas
from leadml.api.routes.events import BodyError, EventReader, Item, record_items
from leadml.api.routes.score_routes import BODY_RESPONSES, KEY_RESPONSES, SECURITY, Recording
from leadml.domain.mapping import LeadMapping
from leadml.errors import StoreError
from leadml.workflows.lead_history import MOST_LISTED, lead_history

ledger = APIRouter(
    prefix="/v1",
    tags=["ledger"],
    route_class=StrictRoute,
    dependencies=SECURITY,
    responses=KEY_RESPONSES
    | {
        503: {
            "model": schemas.Problem,
            "description": "The ledger cannot be used now: nothing of the request was kept; send "
            "it again",
            "headers": {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds"}},
        },
    },
)


async def link_of(request: Request) -> LedgerLink:
    """Return the way to the ledger."""
    link: LedgerLink = request.app.state.ledger
    return link


async def mapping_of(request: Request) -> LeadMapping:
    """Return how the configuration reads leads."""
    mapping: LeadMapping = request.app.state.settings.definition.leads
    return mapping


Link = Annotated[LedgerLink, Depends(link_of)]
LeadNames = Annotated[LeadMapping, Depends(mapping_of)]
EventsBody = Annotated[ledger_schemas.EventIn | ledger_schemas.EventBatch, SkipValidation, Body()]


@ledger.post(
    "/events",
    dependencies=[Depends(needs("events"))],
    operation_id="record_events",
    response_model=ledger_schemas.EventsAnswer,
    responses=BODY_RESPONSES,
)
async def record_events(body: EventsBody, link: Link, mapping: LeadNames) -> JSONResponse:
    """Record what happened to leads: one event, or up to 1,000.

    The answer comes when the ledger has the events on its disk. Each is kept once: sent again, it
    is a `duplicate` with the same id and time, so a request without an answer may be sent again. Of
    a batch, events that are refused cost the others nothing; one event that is refused alone is
    answered 422.
    """
    try:
        results = await to_thread.run_sync(_record, link, mapping, body, limiter=link.threads)
    except BodyError as error:
        return _refused(error.problems)
    except StoreError as error:
        raise _unavailable(error) from None
    if _is_alone(body) and results[0]["status"] == "refused":
        return _refused(results[0]["errors"])
    found = [result["status"] for result in results]
    return JSONResponse(
        {
            "results": results,
            "recorded": found.count("recorded"),
            "duplicates": found.count("duplicate"),
            "failed": found.count("refused"),
        }
    )


def _is_alone(body: object) -> bool:
    return isinstance(body, dict) and "events" not in body


def _record(link: LedgerLink, mapping: LeadMapping, body: object) -> list[dict[str, Any]]:
    items: list[Item] = EventReader(mapping).items(body)
    return record_items(link.open(), items)


@ledger.get(
    "/leads/{lead:path}",
    dependencies=[Depends(needs("read"))],
    operation_id="lead_history",
    response_model=ledger_schemas.LeadHistory,
    responses={
        404: {"model": schemas.Problem, "description": "The ledger has no event of this lead"},
        422: {"model": schemas.Invalid, "description": "limit is out of its range"},
    },
)
async def history(
    lead: Annotated[
        str, Path(description="The lead's id, URL-encoded: a slash in it may be %2F or a slash.")
    ],
    link: Link,
    mapping: LeadNames,
    recorder: Recording,
    limit: Annotated[
        int, Query(ge=1, le=1000, description="Most entries of each list, the newest first.")
    ] = MOST_LISTED,
) -> JSONResponse:
    """Tell one lead's history: scores with reasons and versions, hand-offs, outcomes, its state."""
    try:
        # A score just given is part of it.
        await to_thread.run_sync(recorder.flush, limiter=link.threads)
        found = await to_thread.run_sync(
            history_of, link, mapping, lead, limit, limiter=link.threads
        )
    except StoreError as error:
        raise _unavailable(error) from None
    if found is None:
        raise HTTPException(HTTPStatus.NOT_FOUND, "the ledger has no event of this lead")
    return JSONResponse(found)


def history_of(
    link: LedgerLink, mapping: LeadMapping, lead: str, limit: int = MOST_LISTED
) -> dict[str, Any] | None:
    """Return a lead's history under its id's one spelling; None where there is no such lead."""
    name = EventReader(mapping).name(lead)
    return lead_history(link.open(), name, limit=limit) if name else None


def _refused(problems: Any) -> JSONResponse:
    return JSONResponse({"detail": list(problems)}, HTTPStatus.UNPROCESSABLE_ENTITY)


def _unavailable(error: StoreError) -> HTTPException:
    """Answer 503 without telling addresses and paths, which the log has."""
    log.error("the ledger cannot be used: %s", error)
    detail = "the ledger cannot be used now: nothing of this request was kept; send it again"
    return HTTPException(
        HTTPStatus.SERVICE_UNAVAILABLE, detail, {"Retry-After": str(RETRY_SECONDS)}
    )
