"""A ledger opens where it can, and says what to do where it cannot."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import text

from leadml.errors import StoreError
from leadml.store.database import Database
from leadml.store.ledger import Ledger
from leadml.store.schema import REVISION


def note_revision(url: str, revision: str) -> None:
    database = Database(url)
    with database.writing() as connection:
        statement = text("update ledger_revision set version_num = :revision")
        connection.execute(statement, {"revision": revision})
    database.close()


def test_a_new_database_gets_its_tables_once(ledger_url: str) -> None:
    for _ in range(2):
        with Ledger.open(ledger_url) as ledger:
            assert ledger.counts()["revision"] == REVISION
            assert ledger.counts()["events"] == 0


def test_a_new_database_is_not_made_where_that_is_not_wanted(ledger_url: str) -> None:
    with pytest.raises(StoreError, match=r"there is no ledger in .* yet: .*`leadml ledger import"):
        Ledger.open(ledger_url, create=False)
    if ledger_url.startswith("sqlite"):
        assert not Path(ledger_url.removeprefix("sqlite:///")).exists()


def test_older_tables_name_the_command(ledger_url: str) -> None:
    Ledger.open(ledger_url).close()
    note_revision(ledger_url, "0001")
    with pytest.raises(StoreError, match=r"revision 0001, .*needs 0003: .*`leadml ledger migrate`"):
        Ledger.open(ledger_url)


def test_newer_tables_are_refused(ledger_url: str) -> None:
    Ledger.open(ledger_url).close()
    note_revision(ledger_url, "0999")
    with pytest.raises(StoreError, match=r"revision 0999, .*knows 0003 at most: install the newer"):
        Ledger.open(ledger_url)


def test_many_may_make_a_new_database_at_once(ledger_url: str) -> None:
    with ThreadPoolExecutor(6) as pool:
        ledgers = list(pool.map(lambda _: Ledger.open(ledger_url, patience=60), range(6)))
    assert {ledger.mark() for ledger in ledgers} == {0}
    for ledger in ledgers:
        ledger.close()


def test_nobody_else_reads_a_new_file(tmp_path: Path) -> None:
    umask = os.umask(0)
    try:
        with Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}") as ledger:
            ledger.record([])
            made = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    finally:
        os.umask(umask)
    assert made == {"ledger.db": 0o600, "ledger.db-wal": 0o600, "ledger.db-shm": 0o600}


def test_a_folder_of_a_new_file_is_made(tmp_path: Path) -> None:
    Ledger.open(f"sqlite:///{tmp_path / 'a' / 'b' / 'ledger.db'}").close()
    assert (tmp_path / "a" / "b" / "ledger.db").is_file()


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "leads.csv"
    path.write_text("id,stage\n" * 200)
    with pytest.raises(
        StoreError, match=r"leads.csv is not an SQLite database: check \[store\] url"
    ):
        Ledger.open(f"sqlite:///{path}")
    assert path.read_text() == "id,stage\n" * 200


def test_a_folder_is_no_database(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"is a folder: name a file in \[store\] url"):
        Ledger.open(f"sqlite:///{tmp_path}")


def test_a_file_where_a_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"cannot be made: .*file"):
        Ledger.open(f"sqlite:///{tmp_path / 'file' / 'ledger.db'}")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("sqlite:secret//x://", r"\[store\] url sqlite://… is not a SQLAlchemy URL: write sqlite:"),
        ("leadml.db", r"is not a SQLAlchemy URL"),
        ("postgresql://ann:secret@host:port/crm", "is not a SQLAlchemy URL"),
        ("sqlite://", "a ledger in memory would be lost when the program ends"),
        ("sqlite:///:memory:", "a ledger in memory would be lost"),
        ("oracle://ann:secret@host/crm", "an SQLite or PostgreSQL database, found oracle: write"),
        ("nosuch://ann:secret@host/crm", "an SQLite or PostgreSQL database, found nosuch: write"),
        (
            "postgresql+asyncpg://ann:secret@host/crm",
            r"found postgresql\+asyncpg: write sqlite:///",
        ),
    ],
)
def test_addresses_that_cannot_be_used(url: str, message: str) -> None:
    with pytest.raises(StoreError, match=message) as caught:
        Ledger.open(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("postgresql://ann:secret@127.0.0.1:1/crm", r"cannot be reached: check that the server"),
        ("postgresql://ann:secret@127.0.0.1:1/crm?password=other", "cannot be reached"),
    ],
)
def test_a_server_that_is_not_there(address: str, message: str) -> None:
    pytest.importorskip("psycopg", reason="the PostgreSQL driver is an extra")
    with pytest.raises(StoreError, match=message) as caught:
        Ledger.open(address)
    assert "secret" not in str(caught.value)
    assert "other" not in str(caught.value)


def test_a_database_or_user_that_is_not_there(postgresql_url: str) -> None:
    base, _, query = postgresql_url.partition("?")
    missing = f"{base}_missing?{query}"
    with pytest.raises(StoreError, match="does not exist: create the database, or check"):
        Ledger.open(missing)
    stranger = postgresql_url.replace("postgres:@", "nobody_here:secret@")
    with pytest.raises(StoreError, match="refuses the user or the password") as caught:
        Ledger.open(stranger)
    assert "secret" not in str(caught.value)


def test_opening_imports_no_migration_tool(ledger_url: str) -> None:
    """A server opens new and up-to-date databases without Alembic, pandas and the like."""
    heavy = ("alembic", "pandas", "sklearn", "mlflow", "scipy", "duckdb", "matplotlib", "numpy")
    code = (
        "import sys; from leadml.store.ledger import Ledger;"
        f"[Ledger.open({ledger_url!r}).close() for _ in range(2)];"
        f"print([m for m in {heavy} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("scheme", ["postgres", "postgresql+psycopg2", "postgresql+psycopg"])
def test_the_usual_names_of_postgresql_are_one(postgresql_url: str, scheme: str) -> None:
    with Ledger.open(postgresql_url.replace("postgresql", scheme, 1)) as ledger:
        assert ledger.mark() == 0


def test_without_the_driver_the_extra_is_named() -> None:
    """A Python that cannot import psycopg, as without the extra."""
    code = (
        "import sys; sys.modules['psycopg'] = None;"
        "from leadml.store.ledger import Ledger;"
        "Ledger.open('postgresql://ann:secret@host/crm')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "pip install 'leadml[postgresql]'" in done.stderr.splitlines()[-1]
    assert "secret" not in done.stderr.splitlines()[-1]


def test_a_commit_waits_for_the_disk(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'ledger.db'}")
    with database.writing() as connection:
        asked = [
            connection.execute(text(f"pragma {p}")).scalar()
            for p in ("journal_mode", "synchronous")
        ]
    assert asked == ["wal", 2]  # 2 is FULL
    database.close()
