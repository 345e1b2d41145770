import csv
import gzip
import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leadml.data.delimited import BATCH, Delimited, read_delimited
from leadml.errors import DataError


def read(tmp_path: Path, content: str | bytes) -> Delimited:
    path = tmp_path / "leads.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_delimited(path)


def rows(table: Delimited) -> list[tuple[str | None, ...]]:
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters(tmp_path: Path, delimiter: str) -> None:
    table = read(tmp_path, f"id{delimiter}name\n1{delimiter}Ann\n2{delimiter}\n")
    assert table.names == ["id", "name"]
    assert rows(table) == [("1", "Ann"), ("2", None)]
    assert table.errors == {}
    assert table.findings == []


def test_the_delimiter_that_fits_the_rows_wins(tmp_path: Path) -> None:
    # The comma splits the header in two as well, but no row.
    table = read(tmp_path, "id;name, first;city\n1;Ann;Rome\n2;Bob;Bern\n")
    assert table.names == ["id", "name, first", "city"]


def test_decimal_commas_do_not_mislead(tmp_path: Path) -> None:
    table = read(tmp_path, "id;amount;margin\n1;1,5;0,2\n2;2,5;0,1\n")
    assert rows(table) == [("1", "1,5", "0,2"), ("2", "2,5", "0,1")]


@pytest.mark.parametrize("hint", ["sep=;", '"sep=;"'])
def test_excels_separator_line(tmp_path: Path, hint: str) -> None:
    table = read(tmp_path, f"{hint}\nid;note\n1;a,b\n2;c,d\n")
    assert rows(table) == [("1", "a,b"), ("2", "c,d")]
    assert [table.places.name(row) for row in (0, 1)] == ["line 3", "line 4"]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_line_ends(tmp_path: Path, newline: str) -> None:
    table = read(tmp_path, newline.join(["id,name", "1,Ann", "2,Bob"]))
    assert rows(table) == [("1", "Ann"), ("2", "Bob")]


def test_quotes_hold_newlines_delimiters_and_quotes(tmp_path: Path) -> None:
    table = read(tmp_path, 'id,note\n1,"two\nlines, ""quoted"""\n2,x\n')
    assert rows(table) == [("1", 'two\nlines, "quoted"'), ("2", "x")]
    # The note takes lines 2 and 3, so the second lead stands in line 4.
    assert [table.places.name(row) for row in (0, 1)] == ["line 2", "line 4"]


def test_a_quote_after_a_space_is_a_quote(tmp_path: Path) -> None:
    assert rows(read(tmp_path, 'id, note\n1, "a, b"\n')) == [("1", "a, b")]


def test_rows_of_another_width_stay_in_place_with_an_error(tmp_path: Path) -> None:
    table = read(tmp_path, "id,a,b\n1,x,y\n2,x\n3,x,y,z\n4,x,y\n5,x,y\n")
    assert [cells[0] for cells in rows(table)] == ["1", "2", "3", "4", "5"]
    assert table.errors == {
        1: "2 fields where the header has 3",
        2: "4 fields where the header has 3",
    }
    (finding,) = table.findings
    assert (finding.code, finding.severity, finding.count) == ("DATA001", "error", 2)  # 2 of 5
    assert finding.examples == ("line 3: 2 fields", "line 4: 4 fields")


def test_few_broken_rows_are_a_warning(tmp_path: Path) -> None:
    table = read(tmp_path, "id,a\n" + "1,x\n" * 9 + "2\n")  # 1 of 10 is tolerated
    assert table.findings[0].severity == "warning"


def test_empty_fields_too_many_are_no_error(tmp_path: Path) -> None:
    table = read(tmp_path, "id,a\n1,x,,\n2,y, \n")
    assert rows(table) == [("1", "x"), ("2", "y")]
    assert table.errors == {}


def test_blank_lines_inside_are_said_and_trailing_ones_are_not(tmp_path: Path) -> None:
    table = read(tmp_path, "\nid,a\n1,x\n\n2,y\n\n\n")
    assert rows(table) == [("1", "x"), ("2", "y")]
    (finding,) = table.findings
    assert (finding.code, finding.count, finding.examples) == ("DATA004", 1, ("line 4",))


def test_columns_without_a_name(tmp_path: Path) -> None:
    table = read(tmp_path, "id,, \n1,x,y\n")
    assert table.names == ["id", "unnamed_2", "unnamed_3"]
    assert (table.findings[0].code, table.findings[0].count) == ("DATA002", 2)
    assert table.findings[0].examples == ("column 2", "column 3")


def test_guessed_encoding_is_said(tmp_path: Path) -> None:
    table = read(tmp_path, "id,name\n1,Müller\n".encode("cp1252"))
    assert rows(table) == [("1", "Müller")]
    assert table.findings[0].code == "DATA003"
    assert "cp1252" in table.findings[0].message


def test_half_the_rows_broken_are_not_most(tmp_path: Path) -> None:
    table = read(tmp_path, "id,a\n1,x\n2\n")  # one row of two: not most of them
    assert list(table.errors) == [1]


def test_one_column_may_hold_a_space_in_every_row(tmp_path: Path) -> None:
    assert rows(read(tmp_path, "full name\nAnn Lee\nBob Ray\n")) == [("Ann Lee",), ("Bob Ray",)]


def test_one_column_is_a_table(tmp_path: Path) -> None:
    assert rows(read(tmp_path, "lead_id\nA\nB\n")) == [("A",), ("B",)]


def test_batches_follow_each_other(tmp_path: Path) -> None:
    count = BATCH + 3
    table = read(tmp_path, "id,a\n" + "".join(f"{n},x\n" for n in range(count)))
    assert table.columns[0].to_pylist() == [str(n) for n in range(count)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("id,a\n", "a header but no rows"),
        ("id", "a header but no rows"),
        ("\n\n", "the first line is blank"),
        (",,\n1,2,3\n", "the first line is blank"),
        ("id,a,id,id\n1,2,3,4\n", r"3 columns are named 'id' \(columns 1, 3, 4\); rename"),
        ("a,id,id\n1,2,3\n", r"2 columns are named 'id' \(columns 2, 3\); rename"),
        ("id,a\n1;x\n2;y\n3,z\n", "2 of 3 rows have another number of fields .line 2 has 1"),
        ("Export of today,1\nid,a,b\n1,2,3\n", "remove any lines above the header"),
        ("id:stage\n1:won\n2:lost\n", "separated by ':'"),
        ("id stage at\n1 won now\n2 lost now\n", "separated by ' '"),
        ('id,a\n1,"x\n2,y\n3,z\n', "line 2: a quote is opened and never closed"),
        ('id,a\n1,x\n2,"y\n3,z\n', "line 3: a quote is opened and never closed"),
        ('id,a\n1,"' + "x" * 140_000, "line 2: field larger than field limit.*never closed"),
        ("id,a\n1,x\n".encode("utf-16")[:-1], "is damaged: its utf-16 text does not decode"),
    ],
)
def test_refusals(tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(tmp_path, content)


def test_a_last_row_over_several_lines_is_fine_when_closed(tmp_path: Path) -> None:
    assert rows(read(tmp_path, 'id,a\n1,"x\ny"')) == [("1", "x\ny")]
    assert rows(read(tmp_path, 'id,a\n1,"x\ny" z')) == [("1", "x\ny z")]  # sloppy, not unclosed


CELL = st.text(
    st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from(",;\t|\"'\n"), max_size=8
).map(str.lstrip)
GRID = st.integers(2, 5).flatmap(
    lambda width: st.lists(
        st.lists(CELL, min_size=width, max_size=width).filter(any), min_size=1, max_size=6
    )
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    grid=GRID,
    delimiter=st.sampled_from(",;\t|"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]),
    compress=st.booleans(),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_what_csv_writes_is_what_we_read(
    tmp_path: Path,
    grid: list[list[str]],
    delimiter: str,
    encoding: str,
    compress: bool,
    quoting: int,
) -> None:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, quoting=quoting)  # type: ignore[arg-type]
    names = [f"column{n}" for n in range(len(grid[0]))]
    writer.writerows([names, *grid])
    content = text.getvalue().encode(encoding)
    table = read(tmp_path, gzip.compress(content) if compress else content)
    assert table.names == names
    assert rows(table) == [tuple(cell or None for cell in cells) for cells in grid]
    assert table.errors == {}
