"""`leadml report`: the hand-offs of the ledger, or of an export, held against the agreement."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from leadml.errors import ConfigError
from leadml.pages.html import write_pages
from leadml.pages.report_page import report_page
from leadml.settings import Settings, load_settings
from leadml.workflows.material import gather
from leadml.workflows.report_figures import figures_of
from leadml.workflows.report_scope import Scope, window_of

if TYPE_CHECKING:
    from leadml.store.ledger import Ledger
    from leadml.workflows.material import Source

FOLDER = "report"

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Report:
    """The report's values, and where they were written.

    Attributes
    ----------
    values : dict
        What report.json holds.
    page, data : Path
        The page and the JSON file.
    """

    values: dict[str, Any]
    page: Path
    data: Path

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON-ready form."""
        return self.values


def report(
    leads: "Source | None" = None,
    *,
    config: Path | str | Settings | None = None,
    output: Path | str | None = None,
    as_of: str | datetime | None = None,
    since: str | datetime | None = None,
    until: str | datetime | None = None,
    table: str | None = None,
    progress: Progress = lambda _step, _share: None,
) -> Report:
    """Hold the leads that marketing handed to sales against the agreed close rate.

    Parameters
    ----------
    leads : str, Path or pandas.DataFrame, optional
        Export with hand-off times and outcomes; a SQL URL needs `table`. Default: the ledger of
        ``[store].url``.
    config : path or Settings, optional
        Default ``./leadml.toml``.
    output : path, optional
        Folder for report.json and report.html; default ``report/`` beside the configuration.
    as_of : str or datetime, optional
        What counts as now; default the latest time that is known: of a ledger, that of its latest
        event that is neither a score nor a correction.
    since, until : str or datetime, optional
        Describe only hand-offs from `since` on up to, but not including, `until` (ISO dates, 00:00
        in the configured zone, or times): without a verdict.
    progress : callable
        Told what is being done and the share done.

    Raises
    ------
    LeadmlError
        If there is no ledger or it is empty, the export cannot be used, or no hand-off time is
        mapped.
    """
    settings = load_settings(config)
    values = report_values(
        leads,
        config=settings,
        as_of=as_of,
        since=since,
        until=until,
        table=table,
        progress=progress,
    )
    progress("drawing", 0.8)
    folder = Path(output) if output is not None else settings.root / FOLDER
    page, data = write_pages(folder, "report", values, report_page(values))
    progress("done", 1.0)
    return Report(values, page, data)


def report_values(
    leads: "Source | None" = None,
    *,
    config: Path | str | Settings | None = None,
    as_of: str | datetime | None = None,
    since: str | datetime | None = None,
    until: str | datetime | None = None,
    table: str | None = None,
    ledger: "Ledger | None" = None,
    progress: Progress = lambda _step, _share: None,
) -> dict[str, Any]:
    """Return what report.json holds, and write nothing; see `report`.

    `leadml.pages.report_page.report_page` draws the page from it.

    Parameters
    ----------
    ledger : Ledger, optional
        One that is open already; it stays open.
    """
    settings = load_settings(config)
    progress("reading", 0.0)
    if leads is None:
        origin: Literal["ledger", "export"] = "ledger"
        leads, settings, latest = _of_ledger(settings, ledger)
        as_of = latest if as_of is None else as_of
    else:
        origin = "export"
        _refuse_without_hand_offs(settings)
    definition = settings.definition
    window = window_of(since, until, definition.leads.timezone)
    material = gather(
        leads,
        definition=definition,
        root=settings.root,
        table=table,
        as_of=as_of,
        labelled=True,
        by_clock=True,
    )
    progress("judging", 0.5)
    scope = Scope(material, material.judge(settings), settings, window, origin)
    progress("counting", 0.6)
    return figures_of(scope)


def ledger_scope(settings: Settings) -> Scope:
    """Return the leads of the ledger, judged under the agreement, all of them.

    Raises
    ------
    LeadmlError
        If there is no ledger, it is empty, or its leads cannot be judged.
    """
    leads, settings, latest = _of_ledger(settings, None)
    definition = settings.definition
    material = gather(
        leads,
        definition=definition,
        root=settings.root,
        as_of=latest,
        labelled=True,
        by_clock=True,
    )
    return Scope(material, material.judge(settings), settings, None, "ledger")


def _of_ledger(
    settings: Settings, ledger: "Ledger | None"
) -> tuple["Source", Settings, datetime | None]:
    """Return the ledger as a leads table, settings whose mapping reads it, and its last moment."""
    from leadml.workflows.ledger import open_ledger
    from leadml.workflows.ledger_leads import ledger_definition, ledger_leads

    opened = ledger or open_ledger(settings, create=False)
    try:
        horizon = timedelta(days=settings.definition.agreement.horizon_days)
        leads, latest = ledger_leads(opened, horizon=horizon), opened.latest()
    finally:
        if ledger is None:
            opened.close()
    if leads.empty:
        msg = (
            f"the ledger of {settings.path or 'the settings'} ([store].url) holds no lead yet: "
            "import an export with `leadml ledger import EXPORT`, send events to the service, or "
            "report on an export: `leadml report EXPORT`"
        )
        raise ConfigError(msg)
    definition = ledger_definition(settings.definition, leads)
    return leads, replace(settings, definition=definition), latest


def _refuse_without_hand_offs(settings: Settings) -> None:
    if settings.definition.leads.handed_off_at is None:
        msg = (
            f"[leads].handed_off_at is not set in {settings.path or 'the settings'}: name the "
            "column that holds when marketing passed a lead to sales: the report judges hand-offs"
        )
        raise ConfigError(msg)
