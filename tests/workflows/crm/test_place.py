import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from leadml.errors import CrmError
from leadml.workflows.crm.place import Place, PlaceFile, covers, next_place

EARLY = datetime(2026, 3, 1, tzinfo=UTC)
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
NOW = datetime(2026, 3, 3, tzinfo=UTC)
OVERLAP = timedelta(minutes=5)
DONE = Place(since=EARLY, started=NOON, finished=True)
HALF = Place(since=EARLY, started=NOON, after="17")


@dataclass
class Named:
    """All that a place file wants to know of a connector."""

    name: str = "tryton"
    of: str = "https://tryton.example/crm"


def place_file(folder: Path, of: str = "https://tryton.example/crm") -> PlaceFile:
    connector: Any = Named(of=of)
    return PlaceFile(folder, connector)


def test_where_a_sync_begins() -> None:
    first = next_place(None, since=None, now=NOW, overlap=OVERLAP)
    assert first == Place(since=None, started=NOW)
    later = next_place(DONE, since=None, now=NOW, overlap=OVERLAP)
    assert later == Place(since=NOON - OVERLAP, started=NOW)
    assert next_place(HALF, since=None, now=NOW, overlap=OVERLAP) == HALF
    asked = next_place(HALF, since=EARLY, now=NOW, overlap=OVERLAP)
    assert asked == Place(since=EARLY, started=NOW)


@pytest.mark.parametrize(
    ("since", "last", "holds"),
    [
        (NOW, None, True),
        (None, DONE, True),
        (NOON, DONE, True),
        (NOON + OVERLAP, DONE, False),  # what changed in these five minutes is still to be read
        (EARLY, HALF, True),
        (NOON, HALF, False),
        (None, HALF, True),
        (EARLY, Place(since=None, started=NOON, after="17"), False),
    ],
)
def test_a_sync_that_leaves_a_gap_keeps_no_place(
    since: datetime | None, last: Place | None, holds: bool
) -> None:
    assert covers(Place(since=since, started=NOW), last) is holds


def test_a_sync_that_goes_on_keeps_its_place() -> None:
    assert covers(HALF, HALF)


@pytest.mark.parametrize("place", [DONE, HALF, Place(since=None, started=NOON)])
def test_a_place_is_read_as_it_was_written(place: Place, tmp_path: Path) -> None:
    file = place_file(tmp_path)
    assert file.read() is None
    file.write(place)
    assert place_file(tmp_path).read() == place
    assert json.loads(file.path.read_text())["of"] == "https://tryton.example/crm"
    assert [path.name for path in file.path.parent.iterdir()] == [file.path.name]


def test_two_databases_keep_their_places_apart(tmp_path: Path) -> None:
    place_file(tmp_path).write(DONE)
    assert place_file(tmp_path, "https://tryton.example/other").read() is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"since": 5}',
        '{"since": null, "started": "2026-03-02T12:00:00", "after": null, "finished": true}',
    ],
)
def test_a_damaged_place_is_refused(text: str, tmp_path: Path) -> None:
    file = place_file(tmp_path)
    file.path.parent.mkdir()
    file.path.write_text(text)
    with pytest.raises(CrmError, match=r"tryton-[0-9a-f]{8}\.json does not say .* remove it"):
        file.read()


def test_one_sync_at_a_time(tmp_path: Path) -> None:
    with place_file(tmp_path).held():
        with (
            pytest.raises(CrmError, match=r"another sync with .*/crm is running"),
            place_file(tmp_path).held(),
        ):
            pass
        with place_file(tmp_path, "elsewhere").held():
            pass
    with place_file(tmp_path).held():
        pass
