"""The pages of the service, put together: routes, sessions, and what is made apart."""

import asyncio
from zoneinfo import ZoneInfo

from fastapi import FastAPI
from fastapi.routing import APIRoute

from leadml.api.access.attempts import Attempts
from leadml.api.access.sessions import Sessions
from leadml.api.monitoring.shared_folder import shared_folder
from leadml.api.pages.login import login
from leadml.api.pages.model_routes import model_pages
from leadml.api.pages.page_routes import pages
from leadml.api.pages.press import Press, evaluation_key, made_apart, report_key
from leadml.api.pages.report_routes import report
from leadml.api.pages.webhook_routes import webhook_pages
from leadml.settings import Settings

ROUTERS = (login, report, model_pages, webhook_pages, pages)
PAGE_PATHS = frozenset(
    route.path.replace(":path}", "}")
    for router in ROUTERS
    for route in router.routes
    if isinstance(route, APIRoute)
)
"""Paths of pages, a lead's id left open; people who signed in may open these, and no others."""


def add_pages(app: FastAPI, settings: Settings, secret: bytes | None = None) -> Sessions:
    """Add the pages to the service; `app.state.ledger` and `app.state.keyring` are there.

    Returns
    -------
    Sessions
        Who signed in, for the gate.
    """
    sessions = Sessions(app.state.keyring, secret=secret, folder=shared_folder())
    app.state.sessions = sessions
    app.state.attempts = Attempts()
    app.state.promoting = asyncio.Lock()
    zone = ZoneInfo(settings.definition.leads.timezone)
    ledger_key = report_key(zone, lambda: app.state.ledger.open().mark())
    threads = app.state.ledger.threads
    app.state.report = Press(settings.path, ledger_key, made_apart("report"), threads)
    app.state.evaluation = Press(settings.path, evaluation_key, made_apart("evaluation"))
    for router in ROUTERS:
        app.include_router(router)
    return sessions
