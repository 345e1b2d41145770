"""`leadml ledger export`: the leads table, or every event, in a file."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from leadml.data.writing import write_csv, write_whole
from leadml.errors import ConfigError
from leadml.settings import Settings, load_settings
from leadml.store.ledger import Ledger
from leadml.workflows.ledger import open_ledger
from leadml.workflows.ledger_events import event_lines
from leadml.workflows.ledger_leads import ledger_leads
from leadml.workflows.material import read_as_of

if TYPE_CHECKING:
    import pandas as pd

Progress = Callable[[str, float], None]

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""Signs with which a spreadsheet takes a text for a formula."""


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes
    ----------
    output : Path
    rows : int
        Leads, or events.
    what : {"leads", "events"}
    """

    output: Path
    rows: int
    what: str

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON-ready form."""
        return {"output": str(self.output), "rows": self.rows, "what": self.what}


def export_ledger(
    output: Path | str,
    *,
    config: Path | str | Settings | None = None,
    events: bool = False,
    since: str | datetime | None = None,
    until: str | datetime | None = None,
    progress: Progress = lambda _step, _share: None,
) -> Exported:
    """Write the ledger's leads table as CSV or Parquet, or its events as JSON lines.

    Parameters
    ----------
    output : path
        ``.parquet`` for Parquet, else CSV; events are always JSON lines.
    since, until : str or datetime, optional
        Only leads handed off, or events that happened, in [since, until). ISO dates are 00:00 in
        the configured time zone.

    Raises
    ------
    LeadmlError
        If there is no ledger, or the file cannot be written.
    """
    settings, path = load_settings(config), Path(output)
    window = window_of(settings, since, until)
    progress("reading the ledger", 0.0)
    with open_ledger(settings, create=False) as ledger:
        if events:
            rows = _write_events(path, event_lines(ledger, since=window[0], until=window[1]))
            return Exported(path, rows, "events")
        table = leads_in(ledger, *window)
    progress("writing", 0.8)
    if path.suffix.lower() == ".parquet":
        write_whole(path, lambda part: table.to_parquet(part, index=False))
    else:
        write_csv(path, without_formulas(table))
    return Exported(path, len(table), "leads")


def print_ledger(
    out: TextIO,
    *,
    config: Path | str | Settings | None = None,
    events: bool = False,
    since: str | datetime | None = None,
    until: str | datetime | None = None,
) -> None:
    """Write the same to a stream: CSV, or JSON lines."""
    settings = load_settings(config)
    window = window_of(settings, since, until)
    with open_ledger(settings, create=False) as ledger:
        if events:
            out.writelines(event_lines(ledger, since=window[0], until=window[1]))
        else:
            table = without_formulas(leads_in(ledger, *window))
            table.to_csv(out, index=False, lineterminator="\n")


def window_of(
    settings: Settings, since: str | datetime | None, until: str | datetime | None
) -> tuple[datetime | None, datetime | None]:
    """Read a window's ends as aware UTC.

    Raises
    ------
    ConfigError
        If an end is no time, or the window is empty.
    """
    zone = settings.definition.leads.timezone
    start, stop = (
        read_as_of(moment, zone, option)
        for moment, option in ((since, "--since"), (until, "--until"))
    )
    if start is not None and stop is not None and start >= stop:
        msg = f"--until {until} must lie after --since {since}"
        raise ConfigError(msg)
    return start, stop


def leads_in(ledger: Ledger, since: datetime | None, until: datetime | None) -> "pd.DataFrame":
    """Return the leads table; with a window only of leads first handed off in [since, until)."""
    import pandas as pd

    table = ledger_leads(ledger)
    if since is None and until is None:
        return table
    moments = pd.to_datetime(table["handed_off_at"], utc=True, format="ISO8601")
    inside = moments.notna()
    if since is not None:
        inside &= moments >= since
    if until is not None:
        inside &= moments < until
    return table[inside].reset_index(drop=True)


def without_formulas(table: "pd.DataFrame") -> "pd.DataFrame":
    """Put an apostrophe before texts that a spreadsheet would run; numbers are left as they are."""
    import pandas as pd

    safe = table.copy()
    for name in safe.columns:
        column = safe[name]
        if not (pd.api.types.is_object_dtype(column) or pd.api.types.is_string_dtype(column)):
            continue
        risky = [isinstance(v, str) and v.startswith(FORMULA_STARTS) for v in column.tolist()]
        if any(risky):
            texts = [_quoted(v) if risk else v for v, risk in zip(column, risky, strict=True)]
            safe[name] = pd.Series(texts, index=safe.index, dtype=object)
    return safe


def _quoted(text: str) -> str:
    try:
        float(text)
    except ValueError:
        return f"'{text}"
    return text


def _write_events(path: Path, lines: Iterator[str]) -> int:
    written = 0

    def write(part: Path) -> None:
        nonlocal written
        with part.open("w", encoding="utf-8", newline="\n") as file:
            for line in lines:
                file.write(line)
                written += 1

    write_whole(path, write)
    return written
