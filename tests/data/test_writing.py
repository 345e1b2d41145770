"""Files are whole or not there."""

from pathlib import Path

import pandas as pd
import pytest

from leadml.data.writing import write_csv, write_text, write_whole
from leadml.errors import DataError


def test_text_is_utf8_in_a_folder_made_for_it(tmp_path: Path) -> None:
    write_text(tmp_path / "a" / "b.toml", "größe = 1\n")
    assert (tmp_path / "a" / "b.toml").read_bytes() == "größe = 1\n".encode()


def test_csv_has_a_header_and_no_index(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", pd.DataFrame({"x": [1, 2], "y": ["a", None]}))
    assert (tmp_path / "a.csv").read_bytes() == b"x,y\n1,a\n2,\n"


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    place = tmp_path / "a.txt"
    place.write_text("old")

    def fail(part: Path) -> None:
        part.write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(DataError, match=r"a.txt cannot be written: No space left on device; ch"):
        write_whole(place, fail)
    assert place.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(DataError, match=r"leads.csv cannot be written"):
        write_text(tmp_path / "file" / "leads.csv", "x")
