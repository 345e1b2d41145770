"""Look an export over: everything odd about it, before anything is learnt from it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from leadml.data.checks import check_leads
from leadml.data.leads import read_leads
from leadml.domain.definition import Definition
from leadml.domain.finding import Finding
from leadml.settings import CONFIG_NAME, Settings, load_settings
from leadml.workflows.audit import audit_export
from leadml.workflows.lesson import check_points
from leadml.workflows.material import Material, latest_of, read_as_of, read_changes, read_touches
from leadml.workflows.reading import read_source

if TYPE_CHECKING:
    import pandas as pd

    Source = str | Path | pd.DataFrame


@dataclass(frozen=True)
class CheckResult:
    """What `check` found.

    Attributes
    ----------
    source : str
        What was looked over.
    rows, columns : int
        Its size.
    activities : int or None
        Usable activities; None where no activity file was given.
    changes : int or None
        Usable changes of attributes; None where no history was given.
    findings : tuple of Finding
        Errors first, then warnings, then infos.
    """

    source: str
    rows: int
    columns: int
    activities: int | None
    changes: int | None
    findings: tuple[Finding, ...]

    @property
    def errors(self) -> int:
        """Number of findings that stop a run."""
        return sum(finding.severity == "error" for finding in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON-ready form."""
        return {
            "source": self.source,
            "rows": self.rows,
            "columns": self.columns,
            "activities": self.activities,
            "changes": self.changes,
            "findings": [finding.to_dict() for finding in self.findings],
        }


def check(
    leads: "Source",
    *,
    activities: "Source | None" = None,
    history: "Source | None" = None,
    table: str | None = None,
    config: "Path | str | Settings | None" = None,
    as_of: str | datetime | None = None,
    progress: Callable[[str, float], None] = lambda _step, _share: None,
) -> CheckResult:
    """Look leads, their activities and the history of their attributes over.

    Parameters
    ----------
    leads, activities, history : str, Path or pandas.DataFrame
        File, SQL URL (with `table`) or frame.
    config : path or Settings, optional
        Default ``./leadml.toml``; without that, only what needs no mapping is checked, and said.
    as_of : str or datetime, optional
        What counts as now, an ISO date or time; default the clock.
    progress : callable, optional
        Told each step and the share done.

    Raises
    ------
    LeadmlError
        If the export cannot be read at all, or the configuration is wrong.
    """
    settings = _settings(config)
    definition = settings.definition if settings else Definition()
    root = settings.root if settings else Path()
    clock = read_as_of(as_of, definition.leads.timezone) or datetime.now(UTC)
    now = np.datetime64(clock.replace(tzinfo=None), "us")
    progress("reading leads", 0.0)
    export = read_source(leads, table=table, config_root=root)
    read = read_leads(export, definition.leads, required={*definition.leads.named_columns, "won"})
    progress("reading activities", 0.4)
    touches = None if activities is None else read_touches(activities, definition, root)
    changes = None if history is None else read_changes(history, definition, root)
    progress("checking", 0.6)
    if settings:
        check_points(read, settings)
    findings = check_leads(read, touches, history=changes, now=now)
    if settings and read.outcome is not None and not _has_errors(findings):
        progress("auditing", 0.8)
        wanted = read_as_of(as_of, definition.leads.timezone)
        latest = latest_of(read, touches, changes, as_of=wanted)
        findings += audit_export(Material(read, touches, latest, changes), settings)
    return CheckResult(
        source=export.source,
        rows=len(read),
        columns=len(export.frame.columns),
        activities=None if touches is None else len(touches),
        changes=None if changes is None else len(changes),
        findings=(*findings, *([] if settings else [_no_mapping()])),
    )


def _has_errors(findings: list[Finding]) -> bool:
    return any(finding.severity == "error" for finding in findings)


def _settings(config: "Path | str | Settings | None") -> Settings | None:
    if config is None and not Path(CONFIG_NAME).exists():
        return None
    return load_settings(config)


def _no_mapping() -> Finding:
    text = (
        f"there is no {CONFIG_NAME}, so ids, outcomes and times were not checked: write one with "
        "`leadml init`"
    )
    return Finding("CONF001", "info", None, 0, text)
