import pytest

from leadml.data.places import Places
from leadml.data.raw import RawColumn
from leadml.data.time_findings import naive_finding, refuse_mostly_unreadable, time_findings
from leadml.data.times import TimeColumn, read_times
from leadml.domain.finding import Finding
from leadml.errors import DataError


def times(values: list[object]) -> TimeColumn:
    from datetime import UTC

    return read_times(RawColumn.of(values), zone=UTC, date_format=None, missing=frozenset())


def findings(values: list[object]) -> list[Finding]:
    return time_findings(times(values), "created", zone="UTC", places=Places.of_rows(len(values)))


def test_most_unreadable_is_refused_with_a_guess() -> None:
    message = (
        r"crm.csv, column created: 2 of 3 times cannot be read: expected an ISO 8601 time, found "
        r"'31/12/2024'; set date_format = \"%d/%m/%Y\"$"
    )
    with pytest.raises(DataError, match=message):
        refuse_mostly_unreadable(
            times(["31/12/2024", "2024-01-01", "30/12/2024", ""]), "crm.csv, column created"
        )


def test_half_unreadable_is_not_most() -> None:
    refuse_mostly_unreadable(times(["soon", "2024-01-01"]), "x")
    refuse_mostly_unreadable(times([None, ""]), "x")


def test_no_guess_still_has_a_remedy() -> None:
    with pytest.raises(DataError, match=r"set date_format \(strptime\) or export ISO 8601$"):
        refuse_mostly_unreadable(times(["soon"]), "x")


def test_unreadable_times_are_found_by_place() -> None:
    (finding,) = findings(["2024-01-01T00Z"] * 10 + ["soon"])
    assert (finding.code, finding.severity, finding.count) == ("TIME001", "warning", 1)  # 1 of 11
    assert finding.examples == ("row 11: expected an ISO 8601 time, found 'soon'",)


def test_many_unreadable_times_are_an_error() -> None:
    assert findings(["2024-01-01T00Z"] * 3 + ["soon"])[0].severity == "error"


def test_naive_beside_aware_is_a_warning() -> None:
    (finding,) = findings(["2024-01-01", "2024-01-01T00Z", "2024-01-02T00Z"])
    assert (finding.code, finding.severity, finding.count) == ("TIME003", "warning", 1)
    assert "beside 2 with one" in finding.message


def test_naive_times_are_said_once() -> None:
    (finding,) = naive_finding({"created": 5, "closed": 2, "touched": 0}, "Europe/Berlin")
    assert (finding.code, finding.severity, finding.count) == ("TIME002", "info", 7)
    assert finding.message.endswith("read in Europe/Berlin ([leads].timezone): created, closed")
    assert naive_finding({"created": 0}, "UTC") == []
    assert naive_finding({"created": 1}, "UTC")[0].column == "created"
