"""What people hand in by mistake: each kind meets one line that says what to do, no traceback."""

import gzip
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from leadml.cli.main import main

HEADER = "id,stage,created,closed,country,size,note"
CONFIG = """
[leads]
id = "id"
outcome = "stage"
won = ["Won"]
lost = ["Lost"]
created_at = "created"
closed_at = "closed"
[sales_ready]
horizon_days = 30
"""


def rows(count: int = 120) -> list[str]:
    """Return leads a day apart from 2023 on, closed after ten days; large ones are mostly won."""
    draw = random.Random(7)
    lines = []
    for number in range(count):
        created = pd.Timestamp("2023-01-01") + pd.Timedelta(days=number)
        size = draw.randint(1, 900)
        stage = "Won" if draw.random() < 0.2 + size / 1500 else "Lost"
        closed = created + pd.Timedelta(days=10)
        country = draw.choice(["DE", "FR", "IT"])
        lines.append(
            f"L{number},{stage},{created:%Y-%m-%d},{closed:%Y-%m-%d},{country},{size},n{number % 9}"
        )
    return lines


def text(*lines: str) -> bytes:
    return ("\n".join(lines) + "\n").encode()


LINES = rows()
GOOD = text(HEADER, *LINES)


def with_column(position: int, change: Callable[[int, str], str]) -> bytes:
    """Return the good file with one column changed, by row number and value."""
    cells = [line.split(",") for line in LINES]
    for number, row in enumerate(cells):
        row[position] = change(number, row[position])
    return text(HEADER, *(",".join(row) for row in cells))


def wide(columns: int) -> bytes:
    names = ",".join(f"c{n}" for n in range(columns))
    return text(f"{HEADER},{names}", *(f"{line}," + ",".join(["1"] * columns) for line in LINES))


def american(value: str) -> str:
    return f"{value[5:7]}/{value[8:]}/{value[:4]}"


@dataclass(frozen=True)
class Kind:
    """One kind of input: what `leadml check` refuses it with, or the finding it makes of it.

    Attributes
    ----------
    content : bytes
        The file of leads.
    refused : str
        What the one line on stderr says; empty where the file can be read.
    code : str
        A finding `check` lists; empty where there is none.
    error : bool
        Whether that finding is an error: check and train then exit with 1.
    score : bool
        Whether `leadml score` refuses the file too, in the same words.
    """

    name: str
    content: bytes
    refused: str = ""
    code: str = ""
    error: bool = False
    score: bool = True


KINDS = [
    Kind("empty", b"", "is empty: expected a header line"),
    Kind("empty gzip", gzip.compress(b""), "is empty"),
    Kind("blank lines only", b"\n\n\n", "the first line is blank"),
    Kind("header only", text(HEADER), "a header but no rows"),
    Kind("binary", random.Random(1).randbytes(4000), "is not text"),
    Kind("NUL bytes", GOOD.replace(b"Won", b"W\0n"), "is NUL, so it is a binary file or damaged"),
    Kind("Excel workbook", b"PK\x03\x04\x14\0\x06\0" + b"x" * 99, "save the sheet as CSV UTF-8"),
    Kind("old Excel workbook", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "save the sheet as CSV UTF-8"),
    Kind("web page", b"<html><body><table>", "looks like HTML or XML"),
    Kind("JSON", b'[{"id": "L1"}]', "looks like JSON"),
    Kind("pickle", b"\x80\x04\x95\x10\0\0\0", "a Python pickle, which leadml never opens"),
    Kind("SQLite file", b"SQLite format 3\0", "name it as sqlite:///FILE with --table"),
    Kind("cut-off gzip", gzip.compress(GOOD)[:-30], "its gzip stream does not decompress"),
    Kind("damaged Parquet", b"PAR1" + b"x" * 50, "is damaged"),
    Kind("cut-off UTF-16", GOOD.decode().encode("utf-16")[:-1], "text does not decode"),
    Kind("wrong delimiter", GOOD.replace(b",", b":"), "fields seem separated by ':'"),
    Kind(
        "two delimiters", text(HEADER, *(x.replace(",", ";") for x in LINES)), "use one delimiter"
    ),
    Kind("title above the header", b"Leads of 2023\n" + GOOD, "remove any lines above the header"),
    Kind("duplicate headers", GOOD.replace(b"note", b"size", 1), "2 columns are named 'size'"),
    Kind(
        "unclosed quote", GOOD + b'L999,Won,"2023-01-01,\nL1000,Lost,,\n', "opened and never closed"
    ),
    Kind("renamed id", GOOD.replace(b"id,", b"lead_id,", 1), "[leads].id names"),
    Kind(
        "renamed outcome",
        GOOD.replace(b"stage", b"stages", 1),
        "(did you mean 'stages'?)",
        score=False,
    ),
    Kind(
        "no outcome at all", with_column(1, lambda n, v: ""), "holds no values at all", score=False
    ),
    Kind(
        "NaN outcome", with_column(1, lambda n, v: "NaN"), "the column holds NaN (120)", score=False
    ),
    Kind("nobody won", with_column(1, lambda n, v: "Lost"), "'Won' never occurs", score=False),
    Kind("won spelt otherwise", GOOD.replace(b"Won", b"won"), "(did you mean 'won'?)", score=False),
    Kind("American dates", with_column(2, lambda n, v: american(v)), '"%m/%d/%Y"', score=False),
    Kind(
        "seconds since 1970",
        with_column(2, lambda n, v: "1700000000"),
        "seconds since 1970",
        score=False,
    ),
    Kind("nobody lost", with_column(1, lambda n, v: "Won"), code="DATA024"),
    Kind("rows too short", GOOD + b"L999,Won\n", code="DATA001"),
    Kind("many rows too long", GOOD + b"L999,Won,,,,,,x\n" * 40, code="DATA001", error=True),
    Kind("an impossible date", GOOD + b"L999,Won,2023-02-30,,DE,5,x\n", code="TIME001"),
    Kind(
        "closed before created", GOOD + b"L999,Won,2023-02-03,2023-02-01,DE,5,x\n", code="TIME004"
    ),
    Kind("a mistyped year", GOOD + b"L999,Won,2203-02-03,2203-02-04,DE,5,x\n", code="TIME009"),
    Kind(
        "mixed time zones",
        with_column(2, lambda n, v: f"{v}T10:00{['', '+02:00', 'Z'][n % 3]}"),
        code="TIME003",
    ),
    Kind("missing ids", GOOD + b",Won,2023-01-01,,DE,5,x\n", code="DATA010"),
    Kind("no ids", with_column(0, lambda n, v: ""), code="DATA026", error=True),
    Kind("one id, two leads", GOOD + b"L5,Won,2023-01-01,,XX,5,x\n", code="DATA011", error=True),
    Kind("rows twice", GOOD + text(*LINES[:3]), code="DATA012"),
    Kind("some outcomes missing", with_column(1, lambda n, v: v if n % 2 else ""), code="DATA020"),
    Kind("infinite numbers", with_column(5, lambda n, v: v if n % 9 else "inf"), code="DATA016"),
    Kind("texts among numbers", with_column(5, lambda n, v: v if n % 9 else "big"), code="DATA017"),
    Kind("an empty column", with_column(6, lambda n, v: ""), code="DATA005"),
    Kind("a constant column", with_column(6, lambda n, v: "same"), code="DATA006"),
    Kind("headers without a name", GOOD.replace(b"note", b"", 1), code="DATA002"),
    Kind("blank lines between", GOOD + b"\n\nL999,Won,2023-01-01,,DE,5,x\n\n", code="DATA004"),
    Kind(
        "Windows-1252",
        with_column(6, lambda n, v: "Köln").decode().encode("cp1252"),
        code="DATA003",
    ),
    Kind("ten thousand columns", wide(10_000), code="DATA006"),
    Kind("byte order mark", b"\xef\xbb\xbf" + GOOD),
    Kind("UTF-16", GOOD.decode().encode("utf-16")),
    Kind("newline in quotes", with_column(6, lambda n, v: f'"{v}\nand more"')),
    Kind("semicolons and gzip", gzip.compress(GOOD.replace(b",", b";"))),
    Kind("trailing blank lines", GOOD + b"\n\n\n"),
]
REFUSED = [kind for kind in KINDS if kind.refused]
READABLE = [kind for kind in KINDS if not kind.refused]


def named(kind: Kind) -> str:
    return kind.name


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "leadml.toml").write_text(CONFIG)
    (tmp_path / "leads.csv").write_bytes(GOOD)
    return tmp_path


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a champion trained on the good file."""
    home = tmp_path_factory.mktemp("trained")
    (home / "leadml.toml").write_text(CONFIG)
    (home / "leads.csv").write_bytes(GOOD)
    done = subprocess.run(
        [sys.executable, "-m", "leadml", "train", "leads.csv", "--json"],
        cwd=home,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return home


def leadml(*arguments: str) -> Result:
    """Run the command; an exception that is no refusal fails the test as the traceback it is."""
    result = CliRunner().invoke(main, list(arguments))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def assert_refused(result: Result, message: str) -> None:
    """One line on stderr, holding the message; nothing else, anywhere."""
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith("leadml: ")
    assert message in line
    assert len(line) < 600
    assert result.stdout == ""


def test_there_are_at_least_25_kinds() -> None:
    assert len({kind.name for kind in KINDS}) == len(KINDS) >= 25


@pytest.mark.parametrize("kind", REFUSED, ids=named)
def test_check_and_train_refuse_in_one_line(folder: Path, kind: Kind) -> None:
    (folder / "leads.csv").write_bytes(kind.content)
    for verb in ("check", "train"):
        assert_refused(leadml(verb, "leads.csv"), kind.refused)
    assert not (folder / "models").exists()


@pytest.mark.parametrize("kind", READABLE, ids=named)
def test_check_names_what_it_found(folder: Path, kind: Kind) -> None:
    (folder / "leads.csv").write_bytes(kind.content)
    result = leadml("check", "leads.csv", "--json")
    found = {finding["code"]: finding for finding in json.loads(result.stdout)["findings"]}
    if kind.code:
        assert (found[kind.code]["severity"] == "error") == kind.error
    else:
        assert set(found) == {"TIME002"}  # dates have no offset, in every file here
    assert result.exit_code == (1 if kind.error else 0)
    assert result.stderr == ""


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.error], ids=named)
def test_train_stops_at_errors_in_one_line(folder: Path, kind: Kind) -> None:
    (folder / "leads.csv").write_bytes(kind.content)
    assert_refused(leadml("train", "leads.csv"), f"[{kind.code}, ")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (with_column(1, lambda n, v: "Won"), "too few outcomes to learn from: 1"),
        (text(HEADER, *LINES[:25]), "at least 20 of each are needed"),
    ],
    ids=["one class", "too few leads"],
)
def test_train_says_how_many_outcomes_it_needs(folder: Path, content: bytes, message: str) -> None:
    (folder / "leads.csv").write_bytes(content)
    assert_refused(leadml("train", "leads.csv"), message)


def test_train_takes_an_odd_but_sound_file(folder: Path) -> None:
    odd = with_column(6, lambda n, v: f'"{v}; and\r\nmore ""so"""').replace(b",", b";")
    odd = odd.replace(b"n8; and", b"; ; ") + b"\n\nL999;Won\n\n"
    (folder / "leads.csv").write_bytes(gzip.compress(odd.decode().encode("utf-16-be")))
    result = leadml("train", "leads.csv", "--json")
    assert result.exit_code == 0, result.stderr
    training = json.loads(result.stdout)
    # The last lead closes 129 days after the first was created, so the horizon of 30 days has
    # passed for those created up to day 99; one row is broken.
    assert training["leads"] == 100
    left_out = {rows["code"]: rows["count"] for rows in training["excluded_rows"]}
    assert left_out == {"ROW001": 1, "ROW005": 20}


@pytest.mark.parametrize("kind", [kind for kind in REFUSED if kind.score], ids=named)
def test_score_refuses_in_one_line(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: Kind
) -> None:
    monkeypatch.chdir(trained)
    leads, scores = tmp_path / "new.csv", tmp_path / "scores.csv"
    leads.write_bytes(kind.content)
    assert_refused(leadml("score", str(leads), "--output", str(scores)), kind.refused)
    assert not scores.exists()


@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS if not kind.refused or not kind.score], ids=named
)
def test_score_answers_every_row_in_order(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: Kind
) -> None:
    monkeypatch.chdir(trained)
    leads, output = tmp_path / "new.csv", tmp_path / "scores.csv"
    leads.write_bytes(kind.content)
    result = leadml("score", str(leads), "--output", str(output))
    assert result.exit_code == 0, result.stderr
    assert "Traceback" not in result.stderr
    scores = pd.read_csv(output, dtype={"lead_id": str})
    ids = [f"L{number}" for number in range(len(LINES))]
    if kind.name == "no ids":
        assert scores["error"].str.contains("no lead id").all()
    else:
        assert scores["lead_id"].tolist()[: len(ids)] == ids
    answered = scores["probability"].notna()
    refused = scores["error"].notna() if "error" in scores else ~answered
    assert (answered != refused).all()  # a number or a reason, for every row


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["lead.csv"], "no file lead.csv: did you mean leads.csv?"),
        (["nowhere/leads.csv"], "no folder nowhere"),
        (["."], "is a folder: name a CSV or Parquet file; it holds leads.csv"),
        (["leads.csv", "--table", "leads"], "is a file: leave --table out"),
        (["sqlite:///none.db", "--table", "x"], "there is no file none.db"),
        (["nosuch://ann:secret@host/db", "--table", "x"], "ann:***@host/db: no driver"),
        (["leads.csv", "--config", "none.toml"], "no configuration at"),
        (["leads.csv", "--as-of", "soon"], "--as-of: expected an ISO 8601 time, found 'soon'"),
        (["leads.csv", "--activities", "none.csv"], "there is no file none.csv"),
        (["leads.csv", "--activities", "leads.csv"], "[activities].lead names"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
@pytest.mark.parametrize("verb", ["check", "train"])
@pytest.mark.usefixtures("folder")
def test_what_is_named_wrongly(verb: str, arguments: list[str], message: str) -> None:
    assert_refused(leadml(verb, *arguments), message)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ('won = ["Won"]\nwonn = 1', "wonn is not a setting leadml knows; did you mean won?"),
        ('won = ["Won"]\nignore = "note"', "ignore must be a list"),
        ('won = ["Won"]\ntimezone = "Europe/Berlinn"', "did you mean Europe/Berlin?"),
        ("won = [", "is not valid TOML"),
    ],
)
def test_a_configuration_written_wrongly(folder: Path, setting: str, message: str) -> None:
    (folder / "leadml.toml").write_text(CONFIG.replace('won = ["Won"]', setting))
    for verb in ("check", "train"):
        assert_refused(leadml(verb, "leads.csv"), message)


@pytest.mark.parametrize(
    ("touches", "message"),
    [
        (b"", "is empty"),
        (b"lead_id,timestamp,event\nL1,31.12.2023,call\n", 'date_format = "%d.%m.%Y"'),
    ],
)
def test_activities_that_cannot_be_read(folder: Path, touches: bytes, message: str) -> None:
    (folder / "touches.csv").write_bytes(touches)
    for verb in ("check", "train"):
        assert_refused(leadml(verb, "leads.csv", "--activities", "touches.csv"), message)


def test_refusals_in_json_keep_stdout_to_one_object(folder: Path) -> None:
    (folder / "leads.csv").write_bytes(b"")
    done = subprocess.run(
        [sys.executable, "-m", "leadml", "check", "leads.csv", "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "is empty" in json.loads(done.stdout)["error"]
    assert done.stderr.startswith("leadml: leads.csv is empty")
    assert "Traceback" not in done.stderr
