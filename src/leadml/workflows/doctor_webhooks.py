"""Whether messages to webhooks can be sent, and arrive."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from leadml.errors import StoreError
from leadml.settings import Settings
from leadml.workflows.check_up import Check
from leadml.workflows.ledger import open_ledger
from leadml.workflows.webhooks import standing

LATE_SECONDS = 3600.0
"""Age of a message from which its endpoint is looked after."""


def webhooks_checks(settings: Settings) -> Iterator[Check]:
    """Look at every endpoint of ``leadml.toml``; without any, and without a ledger, at nothing."""
    if not settings.webhooks:
        return
    try:
        with open_ledger(settings, create=False) as ledger:
            endpoints = standing(settings, ledger)
    except StoreError:  # a line of its own says so
        return
    now = datetime.now(UTC)
    yield from (webhook_check(told, now) for told in endpoints if told["host"])


def webhook_check(told: dict[str, Any], now: datetime) -> Check:
    """Look at one endpoint, as `leadml webhooks status` tells of it."""
    name = f"webhook {told['name']}"
    if told["problem"]:
        advice = "set it where the service is started; if it is set there alone, all is well"
        return Check(name, "warning", told["problem"], advice, "DOC019")
    since = told["oldest_pending"]
    late = (now - datetime.fromisoformat(since)).total_seconds() if since else 0.0
    if not told["dead"] and late <= LATE_SECONDS:
        found = f"{told['delivered_last_day']:,} messages delivered in 24 hours"
        return Check(name, "ok", f"{found}, {told['pending']:,} wait")
    found = f"{told['dead']:,} dead letters, {told['pending']:,} messages wait"
    found += f", the oldest since {late:,.0f} seconds" if since else ""
    found += f"; last failure: {told['last_error']}" if told["last_error"] else ""
    advice = (
        f"is `leadml serve` running? else mend the endpoint (`leadml webhooks test "
        f"{told['name']}`), then `leadml webhooks retry --all`"
    )
    return Check(name, "warning", found, advice, "DOC020")
