"""A lead's features are the same from a file and from a record, colleagues' among them."""

import csv
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray

from leadml.data.values import microseconds
from leadml.domain.definition import Definition
from leadml.snapshot.catalogue import choose_features
from leadml.snapshot.features import RARE, Feature, FeatureSet
from leadml.workflows.material import batch_of, gather
from leadml.workflows.records import LeadBatch, RecordReader, features_of

NOW = datetime(2024, 6, 1, tzinfo=UTC)
LEADS = """\
id,company,created,handed,touched,stage
a,Acme,2024-05-01,2024-05-20,2024-05-21,Won
b,ACME,2024-05-02,2024-05-25,,open
c,Acme,2024-05-03,2024-05-25T12:00,2024-05-30,Lost
d,Beta,2024-05-04,2024-05-26,2024-05-26,Won
e,,2024-05-05,2024-05-27,,open
f,free mail,2024-05-05,2024-05-27,,open
"""
ACTIVITIES = """\
lead_id,timestamp,event,url
a,2024-05-19T10:00,visit,/pricing/plans
a,2024-05-22T10:00,visit,https://x.com/de/pricing
b,2024-05-19T10:00,mail,May
b,2024-05-24T00:00,visit,/blog
b,2024-05-25T00:00,visit,/blog
c,2024-05-10T00:00,visit,
e,2024-05-10T00:00,visit,/blog
f,2024-05-10T00:00,visit,/blog
"""
FEATURES = FeatureSet(
    (
        *(
            Feature(name="n", kind=kind, scope=scope, window=window)
            for kind in ("count", "contacts")
            for scope in ("lead", "account")
            for window in (1.0, 7.0, None)
        ),
        Feature(name="n", kind="count", activity="visit", group="/pricing"),
        Feature(name="r", kind="recency", scope="account"),
        Feature(name="d", kind="days", scope="account"),
        Feature(name="t", kind="trend", window=7.0),
        Feature(name="g", kind="longest_gap"),
        Feature(name="f", kind="first", levels=("mail", "visit /pricing", RARE)),
    ),
    frozenset(),
    crowds=frozenset({"free mail"}),
)


@pytest.fixture
def definition(handmade: Definition) -> Definition:
    leads = replace(handmade.leads, account="company", followed_up_at="touched", lost=("Lost",))
    return replace(handmade, leads=leads)


def file_batch(
    definition: Definition, folder: Path, leads: str = LEADS, activities: str = ACTIVITIES
) -> LeadBatch:
    (folder / "leads.csv").write_text(leads)
    (folder / "activities.csv").write_text(activities)
    material = gather(
        folder / "leads.csv",
        definition=definition,
        root=folder,
        activities=folder / "activities.csv",
        labelled=False,
    )
    handed = material.leads.times["handed_off_at"].view("i8")
    return batch_of(material, np.arange(len(material.leads)), handed)


def encoded(batch: LeadBatch, features: FeatureSet = FEATURES) -> NDArray[np.float64]:
    return batch.encode(features).x


def records(text: str) -> list[dict[str, Any]]:
    return [{k: v or None for k, v in row.items()} for row in csv.DictReader(text.splitlines())]


def of_records(definition: Definition, *, colleagues: bool = True) -> NDArray[np.float64]:
    """Return the features of each lead with its own activities and all told of its account."""
    leads, told = records(LEADS), records(ACTIVITIES)
    account = {row["id"]: (row["company"] or "").casefold() for row in leads}
    reader = RecordReader(definition, frozenset())
    given = []
    for row in leads:
        own = [touch for touch in told if touch["lead_id"] == row["id"]]
        whole = [touch for touch in told if account[touch["lead_id"]] == account[row["id"]]]
        known = whole if row["company"] and colleagues else None
        given.append(reader.read(row, own, known, None, microseconds(NOW)))
    return np.array(features_of(given, FEATURES, reader))


def test_a_record_is_its_row_to_the_last_bit(definition: Definition, tmp_path: Path) -> None:
    from_file = encoded(file_batch(definition, tmp_path))
    assert from_file.tobytes() == of_records(definition).tobytes()


def test_colleagues_worked_by_hand(definition: Definition, tmp_path: Path) -> None:
    x = encoded(file_batch(definition, tmp_path))
    ever, seven = x[:, 5], x[:, 10]
    # a, 20 May: b's mail and c's visit; b, 25 May 00:00 in Berlin: a twice and c (its own not);
    # c, 25 May 12:00: a twice, b three times; d has no colleagues; e and f no company
    assert ever[:4].tolist() == [2, 3, 5, 0]
    assert np.isnan(ever[4:]).all()
    # within 7 days: a hears of b alone, b of a, c of both
    assert seven[:4].tolist() == [1, 1, 2, 0]


def test_unknown_colleagues_are_not_none(definition: Definition) -> None:
    x = of_records(definition, colleagues=False)
    accounts = [place for place, f in enumerate(FEATURES.features) if f.scope == "account"]
    assert np.isnan(x[:, accounts]).all()
    own = np.delete(x, accounts, axis=1)
    known = np.delete(of_records(definition), accounts, axis=1)
    assert np.array_equal(own, known, equal_nan=True)


def test_what_colleagues_do_later_changes_nothing(definition: Definition, tmp_path: Path) -> None:
    # 27 May is the last hand-off
    later = "".join(
        f"{lead},2024-05-{day}T00:00,visit,/pricing\n" for lead in "abcdef" for day in (27, 28)
    )
    known = encoded(file_batch(definition, tmp_path))
    told = encoded(file_batch(definition, tmp_path, activities=ACTIVITIES + later))
    assert told.tobytes() == known.tobytes()


def test_the_time_of_follow_up_is_never_a_feature(definition: Definition, tmp_path: Path) -> None:
    # Followed up at once, late or never: the same features with the same numbers.
    found = []
    for touched in ("2024-05-28", ""):
        rows = [row.split(",") for row in LEADS.splitlines()]
        leads = "\n".join(
            [LEADS.splitlines()[0], *(",".join([*r[:4], touched, r[5]]) for r in rows[1:])]
        )
        batch = file_batch(definition, tmp_path, leads + "\n")
        material = gather(
            tmp_path / "leads.csv", definition=definition, root=tmp_path, labelled=False
        )
        catalogue = choose_features(
            material.leads,
            np.arange(6),
            as_of=batch.as_of,
            log=batch.log,
            colleagues=batch.colleagues,
        )
        assert "touched" not in catalogue.features.columns
        found.append((catalogue.features.features, encoded(batch, catalogue.features).tobytes()))
    assert found[0] == found[1]


class TestErrors:
    TOUCH: ClassVar[dict[str, object]] = {
        "lead_id": "z",
        "timestamp": "2024-05-01",
        "event": "visit",
    }

    def of(self, definition: Definition, touch: dict[str, object]) -> list[tuple[str, str]]:
        lead = {"id": "a", "company": ["x"]}
        reader = RecordReader(definition, frozenset())
        return reader.read(lead, None, [self.TOUCH, touch], None, microseconds(NOW)).problems

    def test_an_account_that_is_no_text_is_no_error_of_its_own(
        self, definition: Definition
    ) -> None:
        assert self.of(definition, self.TOUCH) == []

    @pytest.mark.parametrize(
        ("change", "why"),
        [
            ({"lead_id": None}, "expected whose activity it is, found none (in lead_id)"),
            ({"lead_id": ["z"]}, "expected a text, found ['z'] (in lead_id)"),
            (
                {"timestamp": "soon"},
                "expected an ISO 8601 time, found 'soon' (in timestamp or event)",
            ),
        ],
    )
    def test_what_is_wrong_stands_with_its_place(
        self, definition: Definition, change: dict[str, object], why: str
    ) -> None:
        found = self.of(definition, self.TOUCH | change)
        assert found == [("account_activities.1", why)]
