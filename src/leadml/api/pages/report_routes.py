"""Pages with charts: the report of the ledger, as JSON too, and the evaluation written last."""

import json
from functools import partial
from hashlib import sha256
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import JSONResponse

from leadml.api.access.scopes import needs
from leadml.api.pages.page_answer import PageRoute, frame_of, in_ledger, page_answer
from leadml.api.pages.press import NAVIGATION, Made, Press
from leadml.pages.html import NARROW
from leadml.pages.navigation import Link
from leadml.pages.site import message_page

report = APIRouter(
    route_class=PageRoute, include_in_schema=False, dependencies=[Depends(needs("read"))]
)

AGAIN_SECONDS = 3
EMPTY = (
    "The ledger is empty: import an export with leadml ledger import EXPORT, or let the CRM send "
    "what happens to leads to POST /v1/events"
)
_KEPT = "private, no-cache"  # a browser may keep it, and asks each time whether it still holds


@report.get("/report")
async def report_page(request: Request) -> Response:
    """Show the report of the ledger."""
    if await in_ledger(request, partial(_nothing_yet, request)):
        frame = frame_of(request, "/report")
        html = message_page(
            "There is nothing to report yet.", frame, support=f"{EMPTY}.", title="Report"
        )
        return page_answer(html)
    return await _printed(request, request.app.state.report, "/report")


@report.get("/report.json")
async def report_json(request: Request) -> Response:
    """Give the numbers of the report."""
    if await in_ledger(request, partial(_nothing_yet, request)):
        raise HTTPException(HTTPStatus.NOT_FOUND, EMPTY)
    made = await request.app.state.report.newest()
    if made is None:
        later = {"detail": "the report is being made: ask again soon"}
        return JSONResponse(later, HTTPStatus.ACCEPTED, {"Retry-After": str(AGAIN_SECONDS)})
    content = json.dumps(made.values, allow_nan=False, ensure_ascii=False)
    return _answer(request, content, "json", Response(content, media_type="application/json"))


@report.get("/comparison/evaluation")
async def evaluation_page(request: Request) -> Response:
    """Show the evaluation that was written last, with its charts."""
    return await _printed(request, request.app.state.evaluation, "/comparison")


def _nothing_yet(request: Request) -> bool:
    """Tell whether the ledger never held an event."""
    mark: int = request.app.state.ledger.open().mark()
    return mark == 0


async def _printed(request: Request, press: Press, current: str) -> Response:
    made = await press.newest()
    if made is None:
        return _not_yet(request, current)
    html = made.page.replace(NAVIGATION, str(frame_of(request, current).bar()), 1)
    return _answer(request, html, "page", page_answer(html, charts=True))


def told(made: Made | None) -> dict[str, Any] | None:
    """Return the verdict of a report for the overview; None where none was made."""
    if made is None or not made.values.get("verdict"):
        return None
    values = made.values
    return {
        "verdict": values["verdict"],
        "text": values["verdict_text"].replace(" %", f"{NARROW}%"),
        "at": made.at.isoformat(),
        "as_of": values.get("as_of"),
    }


def _not_yet(request: Request, current: str) -> Response:
    html = message_page(
        "This page is being made.",
        frame_of(request, current),
        support="It looks again every few seconds by itself.",
        link=Link("Look again now", request.url.path),
    )
    headers = {"Refresh": str(AGAIN_SECONDS), "Retry-After": str(AGAIN_SECONDS)}
    return page_answer(html, HTTPStatus.ACCEPTED, headers=headers)


def _answer(request: Request, content: str, kind: str, whole: Response) -> Response:
    """Return the whole answer, or that what the browser has is the same."""
    tag = f'"{kind}-{sha256(content.encode()).hexdigest()[:32]}"'
    whole.headers["ETag"], whole.headers["Cache-Control"] = tag, _KEPT
    whole.headers["Vary"] = "Cookie"
    if tag not in request.headers.get("if-none-match", ""):
        return whole
    kept = {name: whole.headers[name] for name in ("ETag", "Cache-Control", "Vary")}
    return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=kept)
