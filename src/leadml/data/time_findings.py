"""What reading a column of times brought to light."""

from collections.abc import Mapping

from leadml.data.places import Places, severity_of_set_aside
from leadml.data.times import TimeColumn, guess_format
from leadml.domain.finding import Finding
from leadml.errors import DataError


def refuse_mostly_unreadable(times: TimeColumn, what: str) -> None:
    """Raise a DataError with a guess at the format if most values cannot be read."""
    unreadable = len(times.errors)
    if unreadable * 2 <= times.present:
        return
    row = min(times.errors)
    remedy = guess_format(times.unreadable) or "set date_format (strptime) or export ISO 8601"
    msg = (
        f"{what}: {unreadable:,} of {times.present:,} times cannot be read: {times.errors[row]}; "
        f"{remedy}"
    )
    raise DataError(msg)


def time_findings(
    times: TimeColumn, column: str, *, zone: str, places: Places, set_aside: str = "leads"
) -> list[Finding]:
    """Report times that cannot be read, and offsets given here and there."""
    findings = []
    if times.errors:
        severity = severity_of_set_aside(len(times.errors), len(times.at))
        guess = guess_format(times.unreadable)
        remedy = guess or "correct them, or set date_format"
        text = f"times that cannot be read; their {set_aside} are set aside: {remedy}"
        examples = places.examples(sorted(times.errors), times.errors.__getitem__)
        findings.append(Finding("TIME001", severity, column, len(times.errors), text, examples))
    if times.naive and times.aware:
        text = (
            f"{times.naive:,} times without an offset beside {times.aware:,} with one: those "
            f"without are read in {zone}; export one kind"
        )
        findings.append(Finding("TIME003", "warning", column, times.naive, text))
    return findings


def naive_finding(naive: Mapping[str, int], zone: str) -> list[Finding]:
    """Say once for a whole table in which zone times without an offset were read.

    Parameters
    ----------
    naive : mapping
        Column -> how many of its times have no offset.
    zone : str
        IANA zone.
    """
    columns = {column: count for column, count in naive.items() if count}
    if not columns:
        return []
    text = f"times without an offset are read in {zone} ([leads].timezone): {', '.join(columns)}"
    only = next(iter(columns)) if len(columns) == 1 else None
    return [Finding("TIME002", "info", only, sum(columns.values()), text)]
