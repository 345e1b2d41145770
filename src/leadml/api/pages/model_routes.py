"""The versions as a page, and the change of the one that serves: asked for, then done apart."""

import asyncio
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse

from leadml.api.access.gate import log
from leadml.api.access.scopes import needs
from leadml.api.access.visits import visit_of
from leadml.api.pages.configuration import configured
from leadml.api.pages.forms import own_form
from leadml.api.pages.page_answer import PageRoute, frame_of, page_answer
from leadml.api.serving.champion import Champion
from leadml.errors import ApartError, ConfigError
from leadml.model.bundle import previous_champion
from leadml.pages.models_page import Versions, models_page, promotion_page
from leadml.settings import Settings
from leadml.workflows.apart import apart
from leadml.workflows.models import Version, models

model_pages = APIRouter(
    route_class=PageRoute, include_in_schema=False, dependencies=[Depends(needs("read"))]
)
_MAY_CHANGE = [Depends(needs("admin"))]

LONGEST = 120.0
"""Seconds after which a promotion is given up."""


@model_pages.get("/models")
async def list_models(request: Request) -> Response:
    """Show every version, and which one serves."""
    shown = await run_in_threadpool(_versions, request)
    changed = request.query_params.get("changed")
    done = changed is not None and changed == shown.serving
    notices = (("good", f"Version {shown.serving} serves now."),) if done else ()
    return page_answer(models_page(shown, frame_of(request, "/models", notices=notices)))


@model_pages.get("/models/{version}/promote", dependencies=_MAY_CHANGE)
async def ask_promotion(request: Request, version: str) -> Response:
    """Ask whether a version is to become champion."""
    return _question(request, await run_in_threadpool(_versions, request), version)


@model_pages.post("/models/{version}/promote", dependencies=_MAY_CHANGE)
async def do_promotion(request: Request, version: str) -> Response:
    """Make a version champion, and serve it."""
    form = await own_form(request)
    async with _one_at_a_time(request):
        shown = await run_in_threadpool(_versions, request)
        _wanted(shown, version)
        if form.get("serving", "") != (_champion(shown) or ""):
            changed = "The champion has changed since you were asked. Look again, then decide."
            return _question(request, shown, version, problem=changed)
        problem = await _promote(request, version)
    _audit(request, version, form.get("serving") or "none", problem)
    if not problem:
        return RedirectResponse(f"/models?changed={version}", HTTPStatus.SEE_OTHER)
    frame = frame_of(request, "/models", notices=(("bad", problem),))
    shown = await run_in_threadpool(_versions, request)
    return page_answer(models_page(shown, frame), HTTPStatus.BAD_GATEWAY)


def _audit(request: Request, version: str, before: str, problem: str) -> None:
    who = visit_of(request).who
    if not problem:
        log.info("audit: %s made version %s champion instead of %s", who, version, before)
        return
    scorer = request.app.state.champion.scorer
    serving = scorer.version if scorer else "none"
    log.warning(
        "audit: %s asked for version %s as champion, version %s serves: %s",
        who,
        version,
        serving,
        problem,
    )


async def _promote(request: Request, version: str) -> str:
    """Promote apart, then serve what the alias names now; return what went wrong, if anything."""
    champion: Champion = request.app.state.champion
    work = partial(apart, "promote", _path(request), seconds=LONGEST, version=version)
    problem = ""
    try:
        await run_in_threadpool(work)
    except ApartError as error:
        models_folder = request.app.state.settings.models
        problem = str(error).replace(str(models_folder), models_folder.name)
    await run_in_threadpool(champion.load)
    return problem or champion.notice


def _path(request: Request) -> Path:
    settings: Settings = request.app.state.settings
    if settings.path is None:
        msg = "the service runs without a configuration file: start it with one (--config)"
        raise ConfigError(msg)
    return settings.path


def _question(request: Request, shown: Versions, version: str, *, problem: str = "") -> Response:
    frame = frame_of(request, "/models", notices=(("bad", problem),) if problem else ())
    wanted = _wanted(shown, version)
    if wanted["alias"] == "champion" or wanted["problem"]:
        return RedirectResponse("/models", HTTPStatus.SEE_OTHER)
    html = promotion_page(shown, wanted, frame, token=visit_of(request).token)
    return page_answer(html, HTTPStatus.CONFLICT if problem else HTTPStatus.OK)


def _wanted(shown: Versions, version: str) -> Any:
    for known in shown.versions:
        if known["version"] == version:
            return known
    raise HTTPException(HTTPStatus.NOT_FOUND, "there is no such version")


def _champion(shown: Versions) -> str | None:
    named = (known["version"] for known in shown.versions if known["alias"] == "champion")
    return next(named, None)


def _versions(request: Request) -> Versions:
    settings, champion = configured(request), request.app.state.champion
    return Versions(
        versions=[_told(version, settings.models) for version in models(settings)],
        serving=champion.scorer.version if champion.scorer else None,
        problem=champion.notice,
        previous=previous_champion(settings.models),
        agreement_hash=settings.definition.agreement.hash(),
        may_change=visit_of(request).may_change,
        shadow=request.app.state.settings.serve.shadow,
        challenger=champion.challenger.version if champion.challenger else None,
        challenger_problem=champion.shown(champion.challenger_problem),
    )


def _told(version: Version, folder: Path) -> dict[str, Any]:
    """Return a version without the path to the models folder: not everybody's business."""
    told = version.to_dict()
    problem = told["problem"]
    return told | {"problem": problem and problem.replace(str(folder), folder.name)}


def _one_at_a_time(request: Request) -> asyncio.Lock:
    lock: asyncio.Lock = request.app.state.promoting
    return lock
