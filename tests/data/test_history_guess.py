import pandas as pd
import pytest

from leadml.data.history_guess import guess_history

AT = "2024-01-05T00:00:00Z"
SALESFORCE = {"Id": "017", "LeadId": "A", "Field": "Industry", "OldValue": "x", "NewValue": "y"}
REPORT = {"Lead ID": "A", "Field / Event": "Industry", "Old Value": "x", "New Value": "y"}
HUBSPOT = {"Object ID": "A", "Property name": "industry", "Value": "y", "Source": "CRM"}


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (
            SALESFORCE | {"CreatedDate": AT},
            ("LeadId", "Field", "OldValue", "NewValue", "CreatedDate"),
        ),
        (
            REPORT | {"Edit Date": AT},
            ("Lead ID", "Field / Event", "Old Value", "New Value", "Edit Date"),
        ),
        (HUBSPOT | {"Timestamp": AT}, ("Object ID", "Property name", None, "Value", "Timestamp")),
    ],
)
def test_headers_of_known_exports(row: dict[str, str], expected: tuple[str | None, ...]) -> None:
    found, needed = guess_history(pd.DataFrame([row, row]), {"A"}, None)
    keys = ("lead", "field", "old", "new", "at")
    assert tuple(found[key].value if key in found else None for key in keys) == expected
    assert needed == {}


def test_what_does_not_fit_is_asked_for() -> None:
    row = {"lead_id": "Z", "fld": "Industry", "changed_at": "soon"}
    found, needed = guess_history(pd.DataFrame([row]), {"A"}, None)
    assert found == {}
    assert set(needed) == {"lead", "field", "at"}


def test_ids_that_are_leads_go_before_headers() -> None:
    row = {"lead_id": "Z", "record_id": "A"}
    found, _ = guess_history(pd.DataFrame([row]), {"A"}, None)
    assert found["lead"].value == "record_id"
