"""Pages that read and change nothing: overview, agreement, leads, points against model."""

import json
from functools import partial
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.concurrency import run_in_threadpool

from leadml.api.access.gate import log
from leadml.api.access.scopes import needs
from leadml.api.pages.configuration import configured
from leadml.api.pages.page_answer import LEDGER_AWAY, PageRoute, frame_of, in_ledger, page_answer
from leadml.api.pages.report_routes import told
from leadml.api.routes.ledger_routes import history_of
from leadml.errors import StoreError
from leadml.pages.agreement_page import agreement_page
from leadml.pages.comparison_page import Compared, comparison_page
from leadml.pages.home_page import Standing, home_page
from leadml.pages.lead_page import lead_page, look_up_page
from leadml.settings import Settings
from leadml.workflows.apart import EVALUATION

NEEDED = frozenset(
    {"model", "scores", "comparison", "winner", "winner_text", "leads", "won", "intervals", "as_of"}
)
"""What an evaluation must tell to be shown; those of earlier versions may lack some."""

pages = APIRouter(
    route_class=PageRoute, include_in_schema=False, dependencies=[Depends(needs("read"))]
)


@pages.get("/")
async def home(request: Request) -> Response:
    """Show what serves and how the ledger stands."""
    standing = await in_ledger(request, partial(_standing, request))
    return page_answer(home_page(standing, frame_of(request, "/")))


def _standing(request: Request) -> Standing:
    state = request.app.state
    champion = state.champion
    scorer = champion.scorer
    counts, problem = None, ""
    try:
        counts = state.ledger.open().counts()
    except StoreError as error:
        log.error("/: %s", error)
        problem = f"{LEDGER_AWAY[0].upper()}{LEDGER_AWAY[1:]}."
    return Standing(
        serving=scorer.version if scorer else None,
        trained_at=scorer.manifest["trained_at"] if scorer else None,
        problem=champion.notice,
        counts=counts,
        ledger_problem=problem,
        verdict=told(state.report.last),
        recorded=state.recorder.recording or not state.settings.store_url,
        dead_letters=state.courier.counts().get("dead", 0),
    )


@pages.get("/agreement")
async def agreement(request: Request) -> Response:
    """Show what was agreed."""
    settings = await run_in_threadpool(configured, request)
    scorer = request.app.state.champion.scorer
    signed = scorer.definition.agreement.hash() if scorer else None
    frame = frame_of(request, "/agreement")
    return page_answer(agreement_page(settings.definition, frame, champion_hash=signed))


@pages.get("/leads")
async def look_up(request: Request) -> Response:
    """Show the form to look a lead up, or the lead that it asked for."""
    asked = request.query_params.get("lead", "").strip()
    if not asked:
        return page_answer(look_up_page(frame_of(request, "/leads")))
    return await _lead(request, asked)


@pages.get("/leads/{lead:path}")
async def lead(request: Request, lead: str) -> Response:
    """Show what the ledger knows of one lead."""
    if not lead:
        return page_answer(look_up_page(frame_of(request, "/leads")))
    return await _lead(request, lead)


async def _lead(request: Request, asked: str) -> Response:
    frame = frame_of(request, "/leads")
    history = await in_ledger(request, partial(_history, request, asked))
    if history is None:
        missing = look_up_page(frame, asked=asked[:200], found=False)
        return page_answer(missing, HTTPStatus.NOT_FOUND)
    zone = (await run_in_threadpool(configured, request)).definition.leads.timezone
    return page_answer(lead_page(history, frame, zone=zone))


def _history(request: Request, asked: str) -> dict[str, Any] | None:
    request.app.state.recorder.flush()  # a score just given is part of it
    state = request.app.state
    return history_of(state.ledger, state.settings.definition.leads, asked)


@pages.get("/comparison")
async def comparison(request: Request) -> Response:
    """Show how points and model compare."""
    known = await run_in_threadpool(_compared, request)
    return page_answer(comparison_page(known, frame_of(request, "/comparison")))


def _compared(request: Request) -> Compared:
    scorer, made = request.app.state.champion.scorer, request.app.state.report.last
    return Compared(
        version=scorer.version if scorer else None,
        evaluation=evaluation_of(request.app.state.settings),
        equal_volume=made.values.get("equal_volume") if made else None,
        out_of_time=scorer.manifest["out_of_time"] if scorer else None,
    )


def evaluation_of(settings: Settings) -> dict[str, Any] | None:
    """Return the evaluation that was written beside the configuration last; None without one."""
    try:
        found = json.loads((settings.root / EVALUATION).read_bytes())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and found.keys() >= NEEDED else None
