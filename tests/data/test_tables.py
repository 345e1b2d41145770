import gzip
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from leadml.data.frames import raw_column
from leadml.data.tables import Table, read_table, table_of
from leadml.errors import DataError


def parquet(tmp_path: Path, **columns: pa.Array) -> Path:
    path = tmp_path / "leads.bin"  # known by its content, not by its name
    pq.write_table(pa.table(columns), path)
    return path


def values(table: Table, column: str) -> list[object]:
    raw = raw_column(table.frame[column])
    return [None if code < 0 else raw.values[code] for code in raw.codes]  # noqa: PD011


def test_text_stays_text(tmp_path: Path) -> None:
    path = tmp_path / "leads.csv"
    path.write_text("id,n\n001,1.50\n2,\n")
    table = read_table(path)
    assert table.frame.dtypes.astype(str).tolist() == ["str", "str"]
    assert values(table, "id") == ["001", "2"]
    assert values(table, "n") == ["1.50", None]
    assert table.source == str(path)
    assert table.frame.index.equals(pd.RangeIndex(2))


def test_rows_with_errors_travel_along(tmp_path: Path) -> None:
    path = tmp_path / "leads.csv"
    path.write_text("a,b\n1,2\n1,2\n3\n")
    table = read_table(path)
    assert table.errors == {2: "1 fields where the header has 2"}
    assert [finding.code for finding in table.findings] == ["DATA001"]
    assert table.places.name(2) == "line 4"


def test_parquet_keeps_its_types(tmp_path: Path) -> None:
    path = parquet(
        tmp_path,
        id=pa.array([2**60 + 1, None]),  # a float would round it
        won=pa.array([True, None]),
        at=pa.array([datetime(2024, 1, 2, 3, tzinfo=UTC), None]),
        day=pa.array([date(2024, 1, 2), None]),
        money=pa.array([Decimal("1.50"), None]),
        stage=pa.array(["New", None]).dictionary_encode(),
        n=pa.array([1.5, None]),
    )
    table = read_table(path)
    assert values(table, "id") == [2**60 + 1, None]
    assert values(table, "won") == [True, None]
    assert values(table, "at") == [datetime(2024, 1, 2, 3, tzinfo=UTC), None]
    assert values(table, "day") == [date(2024, 1, 2), None]
    assert values(table, "money") == [Decimal("1.50"), None]
    assert values(table, "stage") == ["New", None]
    assert values(table, "n") == [1.5, None]
    assert table.places.name(0) == "row 1"


def test_parquet_columns_that_are_no_values_are_left_out_and_said(tmp_path: Path) -> None:
    path = parquet(
        tmp_path,
        id=pa.array([1, 2]),
        tags=pa.array([["a"], []]),
        blob=pa.array([b"x", b"y"]),
        blobs=pa.array([b"x", b"y"]).dictionary_encode(),
        clock=pa.array([time(1), time(2)]),
        span=pa.array([timedelta(1), timedelta(2)]),
    )
    table = read_table(path)
    assert table.frame.columns.tolist() == ["id"]
    assert [finding.column for finding in table.findings] == [
        "tags",
        "blob",
        "blobs",
        "clock",
        "span",
    ]
    assert {finding.code for finding in table.findings} == {"DATA008"}


def test_what_pandas_wrote_about_its_index_is_no_column(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    pd.DataFrame({"a": [1, 2]}, index=pd.Index(["p", "q"], name="lead_id")).to_parquet(path)
    assert values(read_table(path), "lead_id") == ["p", "q"]


def test_a_frame_from_a_notebook() -> None:
    frame = pd.DataFrame({" a ": [1, 2], "tags": [[1], None]}, index=[7, 9])
    table = table_of(frame, "the data frame")
    assert table.frame.columns.tolist() == ["a"]
    assert table.frame.index.tolist() == [0, 1]
    assert table.findings[0].column == "tags"
    assert frame.columns.tolist() == [" a ", "tags"]  # the caller's own frame is left alone


@pytest.mark.parametrize(
    "column",
    [
        pd.Series([None, {"a": 1}]),
        pd.Series([timedelta(1), timedelta(2)]),
        pd.Series([np.array([1]), None]),
        pd.Series(pd.period_range("2024-01", periods=2)),
        pd.Series([1 + 2j, 2]),
    ],
)
def test_columns_of_a_frame_that_are_no_values(column: "pd.Series[object]") -> None:
    table = table_of(pd.DataFrame({"id": [1, 2], "odd": column}), "frame")
    assert table.frame.columns.tolist() == ["id"]


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (pd.DataFrame({"a": []}), "the data frame has no rows"),
        (pd.DataFrame(index=[0]), "the data frame has no columns"),
        (pd.DataFrame([[1, 2]], columns=["a", "a "]), "2 columns are named 'a'"),
    ],
)
def test_frames_that_are_no_tables(frame: pd.DataFrame, message: str) -> None:
    with pytest.raises(DataError, match=message):
        table_of(frame, "the data frame")


def test_empty_and_broken_parquet(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has no rows"):
        read_table(parquet(tmp_path, id=pa.array([], pa.int64())))
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"PAR1 and then nothing")
    with pytest.raises(DataError, match=r"broken.parquet is damaged: .*; write it again"):
        read_table(broken)


@pytest.mark.parametrize("name", ["x.parquet", "x.PARQUET"])
def test_what_is_called_parquet_and_is_not(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("not a table")
    with pytest.raises(DataError, match=rf"{name} is not a Parquet file; export it again$"):
        read_table(path)
    path.write_bytes(b"")
    with pytest.raises(DataError, match="is empty"):
        read_table(path)


def test_parquet_with_duplicate_names(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(pa.Table.from_arrays([pa.array([1]), pa.array([2])], ["a", "a"]), path)
    with pytest.raises(DataError, match=r"2 columns are named 'a' \(columns 1, 2\)"):
        read_table(path)


def test_a_missing_file_names_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "leads.csv").write_text("a\n1\n")
    with pytest.raises(DataError, match=r"no file .*lead.csv: did you mean .*leads.csv\?"):
        read_table(tmp_path / "lead.csv")
    with pytest.raises(DataError, match=r"no file .*zzz: check the name"):
        read_table(tmp_path / "zzz")
    with pytest.raises(DataError, match=r"no folder .*nowhere"):
        read_table(tmp_path / "nowhere" / "leads.csv")


def test_a_folder_says_what_it_holds(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"is a folder: name a CSV or Parquet file$"):
        read_table(tmp_path)
    (tmp_path / "leads.csv").write_text("a\n1\n")
    with pytest.raises(DataError, match=r"; it holds leads.csv$"):
        read_table(tmp_path)


def test_a_file_that_cannot_be_opened(tmp_path: Path) -> None:
    loop = tmp_path / "loop.csv"
    loop.symlink_to(loop)
    with pytest.raises(DataError, match="no file"):
        read_table(loop)


def test_ten_thousand_columns(tmp_path: Path) -> None:
    names = [f"c{n}" for n in range(10_000)]
    path = tmp_path / "wide.csv"
    path.write_text("\n".join([",".join(names), *[",".join(map(str, range(10_000)))] * 3]))
    table = read_table(path)
    assert table.frame.shape == (3, 10_000)
    assert table.frame["c9999"].tolist() == ["9999"] * 3


@pytest.mark.parametrize(
    ("name", "shape", "first"),
    [
        ("bank-additional-full.csv", (41_188, 21), "56"),
        ("online_shoppers_intention.csv", (12_330, 18), "0"),
        ("Salvirt_B2B_ML_dataset_HF.csv", (448, 23), "Product A"),
        ("bpi2012/cases.csv", (13_087, 3), "173688"),
        ("bpi2012/events.csv.gz", (262_200, 5), "173688"),
    ],
)
def test_public_sets_whole(datasets: Path, name: str, shape: tuple[int, int], first: str) -> None:
    table = read_table(datasets / name)
    assert table.frame.shape == shape
    assert table.frame.iloc[0, 0] == first
    assert table.findings == ()
    assert table.errors == {}
    assert not table.frame.isna().to_numpy()[:, 0].any()


def test_a_set_reads_alike_in_every_dress(datasets: Path, tmp_path: Path) -> None:
    plain = read_table(datasets / "Salvirt_B2B_ML_dataset_HF.csv").frame
    dressed = tmp_path / "leads"
    dressed.write_bytes(gzip.compress(plain.to_csv(index=False, sep="\t").encode("utf-16")))
    pd.testing.assert_frame_equal(read_table(dressed).frame, plain)
    plain.to_parquet(dressed)
    pd.testing.assert_frame_equal(read_table(dressed).frame, plain)
