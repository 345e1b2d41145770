import sqlite3
from datetime import UTC
from pathlib import Path

import pandas as pd
import pytest

from leadml.data.frames import raw_column
from leadml.errors import DataError
from leadml.store.sql_tables import is_sql_url, read_sql_table


@pytest.fixture
def url(tmp_path: Path) -> str:
    path = tmp_path / "crm.db"
    connection = sqlite3.connect(path)
    connection.executescript(
        """
        create table leads (id integer, stage text, amount numeric, at timestamp, won boolean);
        insert into leads values (9007199254740993, 'Won', 1.5, '2024-01-02 03:04:05', 1);
        insert into leads values (null, null, null, null, null);
        create table touches (lead_id text);
        create view open_leads as select * from leads where stage is null;
        """
    )
    connection.close()
    return f"sqlite:///{path}"


def plain(frame: pd.DataFrame, column: str) -> list[object]:
    raw = raw_column(frame[column])
    return [None if code < 0 else raw.values[code] for code in raw.codes]  # noqa: PD011


def test_a_table_with_its_types(url: str) -> None:
    frame, source = read_sql_table(url, "leads")
    assert source == f"{url} table leads"
    assert plain(frame, "id") == [9007199254740993, None]  # 2**53 + 1, which no float holds
    assert plain(frame, "stage") == ["Won", None]
    assert plain(frame, "amount") == [1.5, None]
    assert plain(frame, "at")[0].isoformat() == "2024-01-02T03:04:05"  # type: ignore[attr-defined]
    assert plain(frame, "won") == [True, None]


def test_a_running_postgresql_server(postgresql_url: str) -> None:
    psycopg = pytest.importorskip("psycopg", reason="the PostgreSQL driver is an extra")
    with psycopg.connect(postgresql_url) as connection:
        connection.execute(
            "create table leads (id bigint, stage text, amount numeric(10, 2), at timestamptz, "
            "won boolean, day date);"
            "insert into leads values (9007199254740993, 'Würzburg', 1.50, "
            "'2024-01-02 03:04:05+02', true, '2024-01-02'), (null, null, null, null, null, null);"
            "create view open_leads as select * from leads where stage is null"
        )
    frame, source = read_sql_table(postgresql_url, "leads")
    assert source == "postgresql+psycopg://postgres:***@/postgres table leads"
    assert plain(frame, "id") == [9007199254740993, None]
    assert plain(frame, "stage") == ["Würzburg", None]
    assert [float(plain(frame, "amount")[0]), plain(frame, "amount")[1]] == [1.5, None]  # type: ignore[arg-type]
    (at, _) = plain(frame, "at")
    assert at.astimezone(UTC).isoformat() == "2024-01-02T01:04:05+00:00"  # type: ignore[attr-defined]
    assert plain(frame, "won") == [True, None]
    assert str(plain(frame, "day")[0]) == "2024-01-02"
    assert len(read_sql_table(postgresql_url, "open_leads")[0]) == 1
    with pytest.raises(DataError, match=r"has no table 'lead' \(did you mean 'leads'\?\)"):
        read_sql_table(postgresql_url, "lead")


def test_a_view_and_a_schema(url: str) -> None:
    assert len(read_sql_table(url, "open_leads")[0]) == 1
    assert len(read_sql_table(url, "main.leads")[0]) == 2


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (None, r"which table\? name it with --table; there are leads, touches, open_leads$"),
        ("lead", r"has no table 'lead' \(did you mean 'leads'\?\)"),
        ("zzz", r"has no table 'zzz'; there are leads, touches, open_leads$"),
        ("leads; drop table leads", "has no table"),
    ],
)
def test_a_table_that_is_not_there(url: str, table: str | None, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_sql_table(url, table)


def test_a_misspelt_sqlite_file_is_not_created(tmp_path: Path) -> None:
    path = tmp_path / "nothing.db"
    with pytest.raises(DataError, match=r"there is no file .*nothing.db; check the name"):
        read_sql_table(f"sqlite:///{path}", "leads")
    assert not path.exists()


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "leads.csv"
    path.write_text("id,stage\n" * 200)
    with pytest.raises(DataError, match="cannot be read: file is not a database; check"):
        read_sql_table(f"sqlite:///{path}", "leads")


@pytest.mark.parametrize(
    "url",
    [
        "nosuchdialect://ann:secret@host/crm",
        "mssql+nosuchdriver://ann:secret@host/crm",
        "oracle+nosuch://ann:secret@host/crm?password=secret",
    ],
)
def test_an_unknown_driver_never_prints_the_password(url: str) -> None:
    with pytest.raises(DataError, match=r"ann:\*\*\*@host/crm: no driver") as caught:
        read_sql_table(url, "leads")
    assert "secret" not in str(caught.value)


def test_an_unreachable_server_never_prints_the_password() -> None:
    pytest.importorskip("psycopg", reason="the PostgreSQL driver is an extra")
    url = "postgresql://ann:secret@127.0.0.1:1/crm?connect_timeout=2"
    with pytest.raises(DataError, match=r"ann:\*\*\*@127.0.0.1:1/crm.*cannot be read") as caught:
        read_sql_table(url, "leads")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["sqlite:secret//x://", "postgresql://ann:secret@host:port/crm"])
def test_an_address_that_is_no_url(url: str) -> None:
    with pytest.raises(DataError, match="is not a SQLAlchemy URL: write sqlite:///FILE") as caught:
        read_sql_table(url, "leads")
    assert "secret" not in str(caught.value)


def test_what_is_a_url() -> None:
    assert is_sql_url("sqlite:///crm.db")
    assert not is_sql_url("C:/leads.csv")
