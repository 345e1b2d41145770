"""BPI Challenge 2012: loan applications, and every activity of the system and its staff."""

from pathlib import Path

import pandas as pd

from leadml.data.datasets.prepared import Prepared, read_published
from leadml.errors import DataError

EVENTS = ("events.csv.gz", "events.csv")
WON = ("A_ACTIVATED", "A_APPROVED", "A_REGISTERED")
LOST = ("A_DECLINED", "A_CANCELLED")

DEFINITION = """\
# BPI Challenge 2012: was the loan granted? Judged one hour after registration, won within 45 days.

[leads]
id = "lead_id"
outcome = "stage"
won = ["won"]
lost = ["lost"]
created_at = "registered_at"
closed_at = "closed_at"
timezone = "Europe/Amsterdam"
owner = "owner"

[activities]
lead = "lead_id"
at = "timestamp"
kind = "event"
detail = "staff"

[sales_ready]
version = "bpi2012"
close_rate = 0.30
horizon_days = 45              # 95 % of the loans granted are granted within 35 days
snapshot_days = "1/24"

# The points are leadml's illustration.
[points]
threshold = 60

[points.buckets]
A = 80
B = 60
C = 40

[[points.rules]]
name = "a usual amount"
group = "value"
points = 30
column = "amount_req"
between = [5000, 25000]

[[points.rules]]
name = "checked and accepted for now"
group = "behaviour"
points = 40
activity = "A_PREACCEPTED"

[[points.rules]]
name = "accepted at once"
group = "behaviour"
points = 20
activity = "A_ACCEPTED"

[[points.rules]]
name = "suspected of fraud"
group = "fit"
points = -60
activity = "W_Beoordelen fraude SCHEDULE"
"""


def prepare_bpi2012(path: Path) -> Prepared:
    """Turn ``cases.csv`` and the ``events.csv.gz`` beside it into leads and activities.

    A lead is won at its first activation, approval or registration, lost at its first
    declination or cancellation, else open; its owner is the staff member who touched it last.
    Work items (``W_``) keep their step in their kind: scheduling one is not doing it.
    """
    cases = read_published(path, delimiter=",", columns=("case_id", "reg_date", "amount_req"))
    events = read_published(_events_beside(path), delimiter=",", columns=_EVENT_COLUMNS)
    events["at"] = pd.to_datetime(events["timestamp"], utc=True, format="ISO8601")
    events = events.sort_values("at", kind="stable")
    closing = events[events["activity"].isin(WON + LOST)].drop_duplicates("case_id")
    closing = closing.set_index("case_id").reindex(cases["case_id"])
    touched = events[events["resource"] != ""].drop_duplicates("case_id", keep="last")
    owner = touched.set_index("case_id")["resource"].reindex(cases["case_id"])
    stage = closing["activity"].isin(WON).map({True: "won", False: "lost"})
    leads = pd.DataFrame(
        {
            "lead_id": cases["case_id"],
            "registered_at": cases["reg_date"],
            "amount_req": cases["amount_req"],
            "owner": owner.to_numpy(),
            "stage": stage.where(closing["activity"].notna(), "open").to_numpy(),
            "closed_at": closing["timestamp"].to_numpy(),
        }
    )
    return Prepared(leads=leads, activities=_activities(events), definition=DEFINITION)


_EVENT_COLUMNS = ("case_id", "timestamp", "activity", "lifecycle", "resource")


def _events_beside(cases: Path) -> Path:
    for name in EVENTS:
        if (cases.parent / name).is_file():
            return cases.parent / name
    msg = f"{cases.parent} holds {cases.name} but no {EVENTS[0]}: both files belong together"
    raise DataError(msg)


def _activities(events: pd.DataFrame) -> pd.DataFrame:
    work = events["activity"].str.startswith("W_")
    with_step = events["activity"] + " " + events["lifecycle"]
    return pd.DataFrame(
        {
            "lead_id": events["case_id"],
            "timestamp": events["timestamp"],
            "event": events["activity"].where(~work, with_step),
            "staff": events["resource"],
        }
    ).reset_index(drop=True)
