"""The report of the ledger as a page and as JSON: both from the same making."""

import json
from hashlib import sha256
from http import HTTPStatus

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse

from leadml.api.page_answer import PageRoute, frame_of, page_answer
from leadml.api.reports import NAVIGATION, Made, Reports
from leadml.api.scopes import needs
from leadml.pages.navigation import Link
from leadml.pages.site import message_page

report = APIRouter(
    route_class=PageRoute, include_in_schema=False, dependencies=[Depends(needs("read"))]
)

AGAIN_SECONDS = 3
_KEPT = "private, no-cache"  # a browser may keep it, and asks each time whether it still holds


@report.get("/report")
async def report_page(request: Request) -> Response:
    """Show the report of the ledger."""
    made = await reports_of(request).newest()
    frame = frame_of(request, "/report")
    if made is None:
        return _not_yet(request)
    html = made.page.replace(NAVIGATION, str(frame.bar()), 1)
    return _answer(request, html, "page", page_answer(html, charts=True))


@report.get("/report.json")
async def report_json(request: Request) -> Response:
    """Give the numbers of the report."""
    made = await reports_of(request).newest()
    if made is None:
        later = {"detail": "the report is being made: ask again soon"}
        return JSONResponse(later, HTTPStatus.ACCEPTED, {"Retry-After": str(AGAIN_SECONDS)})
    content = json.dumps(made.values, allow_nan=False, ensure_ascii=False)
    return _answer(request, content, "json", Response(content, media_type="application/json"))


def reports_of(request: Request) -> Reports:
    """Return what makes the reports of this service."""
    reports: Reports = request.app.state.reports
    return reports


def told(made: Made | None) -> dict[str, str] | None:
    """Return the verdict of a report for the overview; None where none was made."""
    if made is None or not made.values.get("verdict"):
        return None
    values = made.values
    return {
        "verdict": values["verdict"],
        "text": values["verdict_text"],
        "at": made.at.isoformat(),
    }


def _not_yet(request: Request) -> Response:
    html = message_page(
        "The report is being made.",
        frame_of(request, "/report"),
        title="Report",
        support="This page looks again every few seconds.",
        link=Link("Look again now", "/report"),
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
