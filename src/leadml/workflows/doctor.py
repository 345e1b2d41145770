"""What is wrong with an installation, and what to do; nothing is changed by looking."""

from collections.abc import Iterator
from pathlib import Path

from leadml.errors import ConfigError
from leadml.settings import Settings, load_settings
from leadml.workflows.check_up import Check
from leadml.workflows.doctor_installation import (
    clock_checks,
    configuration_check,
    disk_check,
    keys_check,
    ledger_checks,
    room,
)
from leadml.workflows.doctor_models import champion_of, model_checks
from leadml.workflows.doctor_service import service_check
from leadml.workflows.doctor_webhooks import webhooks_checks


def doctor(config: Path | str | Settings | None = None, *, url: str = "") -> list[Check]:
    """Look at configuration, model, database, disk, clock, keys, webhooks and a running service.

    Parameters
    ----------
    config : path or Settings, optional
        Default ``./leadml.toml``.
    url : str
        Address of the running service; empty to leave it alone.

    Returns
    -------
    list of Check
        In the order in which to mend; without a usable configuration the first alone.
    """
    try:
        settings = load_settings(config)
    except ConfigError as error:
        return [Check("configuration", "problem", str(error), "correct the file", "DOC001")]
    return list(_looked_at(settings, url))


def _looked_at(settings: Settings, url: str) -> Iterator[Check]:
    yield configuration_check(settings)
    yield from model_checks(settings)
    looked = ledger_checks(settings)
    yield from looked.checks
    yield disk_check(room(settings))
    yield from clock_checks(settings, looked.condition)
    yield keys_check(settings)
    yield from webhooks_checks(settings)
    if url:
        yield service_check(url, champion_of(settings), records=bool(settings.store_url))
