"""Loan applications: outcome, closing time and owner from the events."""

import gzip
from pathlib import Path

import pandas as pd
import pytest

from leadml.data.datasets.bpi2012 import prepare_bpi2012
from leadml.errors import DataError

CASES = """case_id,reg_date,amount_req
1,2011-10-01T00:38:44.546+02:00,20000
2,2011-10-01T08:08:58.256+02:00,5000
3,2011-10-02T08:00:00.000+02:00,700
4,2011-10-03T08:00:00.000+02:00,900
"""
EVENTS = """case_id,timestamp,activity,lifecycle,resource
1,2011-10-01T00:38:44.546+02:00,A_SUBMITTED,COMPLETE,112
1,2011-10-13T10:37:29.226+02:00,A_REGISTERED,COMPLETE,10629
1,2011-10-13T10:37:29.300+02:00,A_ACTIVATED,COMPLETE,10630
1,2011-10-12T10:00:00.000+02:00,W_Valideren aanvraag,START,
2,2011-10-01T08:08:58.256+02:00,A_SUBMITTED,COMPLETE,112
2,2011-10-30T02:30:00.000+02:00,A_CANCELLED,COMPLETE,
3,2011-10-02T08:00:00.000+02:00,A_SUBMITTED,COMPLETE,112
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "cases.csv").write_text(CASES)
    with gzip.open(tmp_path / "events.csv.gz", "wt") as events:
        events.write(EVENTS)
    return tmp_path


def test_outcome_and_close_come_from_the_first_closing_event(folder: Path) -> None:
    leads = prepare_bpi2012(folder / "cases.csv").leads
    assert leads["stage"].tolist() == ["won", "lost", "open", "open"]
    assert leads["closed_at"].tolist()[:2] == [
        "2011-10-13T10:37:29.226+02:00",
        "2011-10-30T02:30:00.000+02:00",
    ]
    assert leads["closed_at"].isna().tolist() == [False, False, True, True]
    assert leads["owner"].tolist()[:3] == ["10630", "112", "112"]
    assert leads["owner"].isna().tolist() == [False, False, False, True]
    assert leads["amount_req"].tolist() == ["20000", "5000", "700", "900"]


def test_activities_keep_time_order_and_the_step_of_work_items(folder: Path) -> None:
    activities = prepare_bpi2012(folder / "cases.csv").activities
    assert activities is not None
    of_first = activities[activities["lead_id"] == "1"]
    assert of_first["event"].tolist() == [
        "A_SUBMITTED", "W_Valideren aanvraag START", "A_REGISTERED", "A_ACTIVATED",
    ]  # fmt: skip
    assert of_first["staff"].tolist() == ["112", "", "10629", "10630"]


def test_both_files_belong_together(folder: Path) -> None:
    (folder / "events.csv.gz").unlink()
    with pytest.raises(DataError, match=r"holds cases.csv but no events.csv.gz"):
        prepare_bpi2012(folder / "cases.csv")


def test_a_damaged_log_is_refused(folder: Path) -> None:
    log = folder / "events.csv.gz"
    log.write_bytes(log.read_bytes()[:-20])
    with pytest.raises(DataError, match=r"events.csv.gz cannot be read as the published file"):
        prepare_bpi2012(folder / "cases.csv")


def test_the_published_log_gives_the_published_counts(datasets: Path) -> None:
    # The data set's description: 13,087 applications, 399 of them open at the end; days to a win:
    # median 14.4, 95 % 34.6, at most 85.9.
    prepared = prepare_bpi2012(datasets / "bpi2012" / "cases.csv")
    leads, activities = prepared.leads, prepared.activities
    assert activities is not None
    assert (len(leads), len(activities)) == (13_087, 262_200)
    assert leads["stage"].value_counts().to_dict() == {"lost": 10_442, "won": 2_246, "open": 399}
    won = leads[leads["stage"] == "won"]
    closed, created = (pd.to_datetime(won[c], utc=True) for c in ("closed_at", "registered_at"))
    days = (closed - created).dt.total_seconds() / 86_400
    assert days.quantile([0.5, 0.95, 1.0]).round(1).tolist() == [14.4, 34.6, 85.9]
