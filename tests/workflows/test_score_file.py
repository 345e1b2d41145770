"""`leadml score`: every row in order, the very numbers of the one scoring path."""

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from leadml.domain.definition import Definition
from leadml.domain.handoff import HandoffPolicy
from leadml.domain.points_table import PointsTable
from leadml.errors import ConfigError, DataError, ModelError, RowError
from leadml.model.eventually import Eventually
from leadml.model.scorecard import Line, Machine, Scorecard
from leadml.model.value import Ranks, Unknown, Value
from leadml.settings import Settings
from leadml.snapshot.features import Feature
from leadml.workflows import score_file
from leadml.workflows.score import load_scorer
from leadml.workflows.score_file import NESTED, score

COLUMNS = [
    "lead_id",
    "probability",
    "sales_ready",
    "basis",
    "band",
    "points",
    "points_ready",
    "reasons",
    "model_version",
    "scored_at",
    "probability_eventually",
    "stage",
    "reasons_sum",
    "expected_margin",
    "expected_margin_low",
    "expected_margin_high",
    "priority",
    "hand_off",
    "explored",
    "handoff_probability",
    "must_follow_up",
    "cut",
]
LEADS = """\
id,created,handed,size,source,seen,stage,note
b,2024-05-22T12:00Z,2024-06-01T12:00Z,2000,Web,,Won,x
a,2024-05-30,,"1,000",Ads,2024-05-01,,y
c,2024-03-01T08:30,2024-03-11 08:30,n/a,Fair,2024-03-09T12:00Z,Lost,
d,,,,,,,
"""
ACTIVITIES = """\
lead_id,timestamp,event,url
b,2024-05-31T12:00Z,visit,/a
b,2024-05-25T12:00Z,visit,
b,2024-06-01T12:00Z,visit,/late
c,2024-03-10T12:00Z,visit,/c
c,2024-03-09T12:00Z,mail,
x,2024-03-09T12:00Z,visit,
"""
NOW = "2024-06-02T00:00Z"
WORTH = Value(
    ranks=Ranks((100.0, 900.0), (0.25, 0.75), 400.0),
    basis="model",
    card=Scorecard(6.0, (Line(0, (0.0, 2000.0), (0.0, 1.0), 0.3),)),
    unknown=Unknown(1.1, 0.7, 1.9),
    mean=500.0,
)
LATE = Eventually(horizon_days=180.0, form="score", slope=0.7, intercept=-0.4)

Make = Callable[..., Settings]


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    leads, activities = tmp_path / "leads.csv", tmp_path / "activities.csv"
    leads.write_text(LEADS)
    activities.write_text(ACTIVITIES)
    return leads, activities


def rows(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".parquet":
        table: list[dict[str, Any]] = parquet.read_table(path).to_pylist()
        return table
    if path.suffix == ".jsonl":
        told = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        return [{k: json.dumps(v) if k in NESTED else v for k, v in row.items()} for row in told]
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def records(text: str) -> list[dict[str, str | None]]:
    return [{k: v or None for k, v in row.items()} for row in csv.DictReader(text.splitlines())]


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".jsonl"])
@pytest.mark.parametrize("as_of", [None, NOW])
@pytest.mark.parametrize("with_activities", [True, False])
def test_the_file_says_what_the_records_say(
    make_model: Make,
    files: tuple[Path, Path],
    suffix: str,
    as_of: str | None,
    with_activities: bool,
    handmade: Definition,
) -> None:
    exploring = replace(handmade, handoff=HandoffPolicy(explore=0.2, version="1"))
    settings = make_model(eventually=LATE, value=WORTH, definition=exploring)
    output = settings.root / f"out{suffix}"
    score(
        files[0],
        output,
        activities=files[1] if with_activities else None,
        config=settings,
        as_of=as_of,
    )
    leads = records(LEADS)
    touches: list[list[dict[str, str | None]]] | None = None
    if with_activities:
        told = records(ACTIVITIES)
        touches = [
            [
                {k: v for k, v in t.items() if k != "lead_id"}
                for t in told
                if t["lead_id"] == lead["id"]
            ]
            for lead in leads
        ]
    found = rows(output)
    fixed = datetime(2024, 6, 2, tzinfo=UTC)
    answers = load_scorer(config=settings).score_records(
        leads,
        touches,
        as_of=[fixed] * 4 if as_of else None,
        now=datetime.fromisoformat(found[0]["scored_at"]),
    )
    for row, answer in zip(found, answers, strict=True):
        assert row["lead_id"] == answer.lead_id
        # judged now, an age moves by microseconds between the two runs: 1e-6 days
        exact = as_of or answer.lead_id in "bcd"
        close = 0.0 if exact else 1e-5
        assert float(row["probability"]) == pytest.approx(answer.probability, abs=close)
        assert float(row["points"]) == answer.points
        assert (row["band"], row["basis"]) == (answer.band, answer.basis)
        later = pytest.approx(answer.probability_eventually, abs=close)
        assert float(row["probability_eventually"]) == later
        assert row["stage"] == answer.stage
        for name in (
            "expected_margin",
            "expected_margin_low",
            "expected_margin_high",
            "priority",
            "cut",
        ):
            assert float(row[name]) == pytest.approx(getattr(answer, name), rel=close)
        assert row["model_version"] == answer.model_version
        assert str(row["sales_ready"]).lower() == str(answer.sales_ready).lower()
        for name in ("hand_off", "explored", "must_follow_up"):
            assert str(row[name]).lower() == str(getattr(answer, name)).lower()
        assert float(row["handoff_probability"]) == answer.handoff_probability
        assert str(row["points_ready"]).lower() == str(answer.points_ready).lower()
        if exact:
            assert json.loads(row["reasons"]) == answer.reasons
            assert json.loads(row["reasons_sum"]) == answer.reasons_sum


def test_every_row_in_order_with_exactly_these_columns(
    make_model: Make, files: tuple[Path, Path]
) -> None:
    settings = make_model()
    output = settings.root / "out.csv"
    done = score(files[0], output, activities=files[1], config=settings)
    assert list(rows(output)[0]) == COLUMNS
    assert [row["lead_id"] for row in rows(output)] == ["b", "a", "c", "d"]
    assert (done.leads, done.errors, done.warnings) == (4, 0, ())
    assert done.output == output


def test_types_of_parquet(make_model: Make, files: tuple[Path, Path]) -> None:
    settings = make_model()
    score(files[0], settings.root / "out.parquet", config=settings)
    schema = parquet.read_schema(settings.root / "out.parquet")
    assert schema.names == COLUMNS
    types = dict.fromkeys(COLUMNS, pa.string()) | {
        "probability": pa.float64(),
        "sales_ready": pa.bool_(),
        "expected_margin": pa.float64(),
        "expected_margin_low": pa.float64(),
        "expected_margin_high": pa.float64(),
        "priority": pa.float64(),
        "hand_off": pa.bool_(),
        "explored": pa.bool_(),
        "handoff_probability": pa.float64(),
        "must_follow_up": pa.bool_(),
        "cut": pa.float64(),
        "points": pa.float64(),
        "points_ready": pa.bool_(),
        "probability_eventually": pa.float64(),
    }
    assert {field.name: field.type for field in schema} == types


def test_the_summary_counts_what_was_written(make_model: Make, files: tuple[Path, Path]) -> None:
    settings = make_model(threshold={"probability": 0.3, "basis": "guaranteed"})
    done = score(files[0], settings.root / "out.parquet", config=settings, as_of=NOW)
    found = rows(settings.root / "out.parquet")
    assert done.sales_ready == sum(row["sales_ready"] for row in found) > 0
    assert all(row["sales_ready"] == (row["probability"] >= 0.3) for row in found)
    counted = {band: sum(row["band"] == band for row in found) for band in "ABCD"}
    assert done.bands == counted
    ready = sum(row["sales_ready"] for row in found)
    assert done.stages == {"sales_ready_now": ready, "nurture": 0, "not_qualified": 0}
    assert done.eventually_days is None  # this version does not tell
    values = done.to_dict()
    assert json.loads(json.dumps(values, allow_nan=False)) == values
    assert values["cuts"] == {"A": 0.4, "B": 0.2, "C": 0.1}
    assert (values["model_version"], values["threshold"]) == ("3", 0.3)


class TestBadRows:
    BAD = """\
id,created,handed,size,source
a,2024-05-30,,5,Web
,2024-05-30,,5,Web
c,2030-01-01,,5,Web
d,2024-05-30,,huge,Web
"""

    def test_an_error_column_says_why(self, make_model: Make, tmp_path: Path) -> None:
        settings = make_model()
        (tmp_path / "leads.csv").write_text(self.BAD)
        done = score(tmp_path / "leads.csv", tmp_path / "out.csv", config=settings)
        found = rows(tmp_path / "out.csv")
        assert list(found[0]) == [*COLUMNS, "error"]
        assert [row["error"] for row in found] == [
            "",
            "id: no lead id",
            "created: created after the moment it is judged (as_of)",
            "size: expected a number, found 'huge'",
        ]
        assert (done.leads, done.errors) == (4, 3)
        for row in found[1:]:
            kept = {"lead_id", "basis", "model_version", "scored_at"}
            assert [row[name] for name in COLUMNS if name not in kept] == [""] * 18
        assert found[0]["probability"]
        assert [row["lead_id"] for row in found] == ["a", "", "c", "d"]

    def test_each_error_stands_in_its_own_row_whatever_the_piece(
        self, make_model: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(score_file, "PIECE", 1)
        (tmp_path / "leads.csv").write_text("id,created,size\na,,1\nb,,2\n,,3\nd,soon,4\ne,,x\n")
        score(tmp_path / "leads.csv", tmp_path / "out.csv", config=make_model())
        found = [bool(row["error"]) for row in rows(tmp_path / "out.csv")]
        assert found == [False, False, True, True, True]

    def test_created_at_the_very_moment_judged_is_no_error(
        self, make_model: Make, tmp_path: Path
    ) -> None:
        frame = pd.DataFrame({"id": ["a"], "created": ["2024-06-01T12:00Z"]})
        done = score(frame, tmp_path / "o.csv", config=make_model(), as_of="2024-06-01T12:00Z")
        assert done.errors == 0

    def test_strict_stops_at_the_first_and_writes_nothing(
        self, make_model: Make, tmp_path: Path
    ) -> None:
        settings = make_model()
        (tmp_path / "leads.csv").write_text(self.BAD)
        with pytest.raises(RowError) as refusal:
            score(tmp_path / "leads.csv", tmp_path / "out.csv", config=settings, strict=True)
        assert str(refusal.value) == (
            f"{tmp_path / 'leads.csv'}, line 3: id: no lead id; correct it or leave out --strict"
        )
        assert not (tmp_path / "out.csv").exists()

    def test_strict_in_a_later_piece(
        self, make_model: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(score_file, "PIECE", 2)
        settings = make_model()
        (tmp_path / "leads.csv").write_text("id,size\na,1\nb,2\nc,3\nd,huge\n")
        with pytest.raises(RowError, match="line 5: size: expected a number, found 'huge'"):
            score(tmp_path / "leads.csv", tmp_path / "out.csv", config=settings, strict=True)

    def test_strict_with_good_rows_is_no_different(
        self, make_model: Make, files: tuple[Path, Path]
    ) -> None:
        settings = make_model()
        done = score(files[0], settings.root / "out.csv", config=settings, strict=True)
        assert done.leads == 4


@pytest.mark.parametrize("piece", [1, 3])
def test_pieces_make_one_file(
    make_model: Make,
    files: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
    piece: int,
) -> None:
    settings = make_model()
    whole, pieced = settings.root / "whole.parquet", settings.root / "pieced.parquet"
    score(files[0], whole, activities=files[1], config=settings, as_of=NOW)
    monkeypatch.setattr(score_file, "PIECE", piece)
    score(files[0], pieced, activities=files[1], config=settings, as_of=NOW)
    for one, other in zip(rows(whole), rows(pieced), strict=True):
        assert one | {"scored_at": ""} == other | {"scored_at": ""}


class TestMoments:
    """Probabilities tell the age the model saw: -1 at ten days, 0 at none."""

    def ages(self, settings: Settings, frame: pd.DataFrame, **options: Any) -> list[float]:
        score(frame, settings.root / "out.parquet", config=settings, **options)
        found = []
        for row in rows(settings.root / "out.parquet"):
            reasons = {r["feature"]: r["value"] for r in json.loads(row["reasons"])}
            found.append(reasons.get("age in days"))
        return found

    def test_the_hand_off_if_it_has_passed_else_now(self, make_model: Make) -> None:
        now = datetime.now(UTC)
        days = [now - timedelta(days=d) for d in (9, 4, -3)]
        frame = pd.DataFrame(
            {
                "id": ["a", "b", "c"],
                "created": [days[0].isoformat()] * 3,
                "handed": [days[1].isoformat(), None, days[2].isoformat()],
            }
        )
        assert self.ages(make_model(), frame) == pytest.approx([5, 9, 9], abs=0.01)

    def test_as_of_fixes_the_moment_of_all(self, make_model: Make) -> None:
        frame = pd.DataFrame(
            {"id": ["a", "b"], "created": ["2024-05-01T00:00Z"] * 2, "handed": ["2024-05-03", None]}
        )
        # a date is 00:00 in Berlin: 22:00 UTC the day before
        ages = self.ages(make_model(), frame, as_of="2024-05-06")
        assert ages == pytest.approx([4 + 22 / 24] * 2)

    def test_as_of_that_is_no_time(self, make_model: Make) -> None:
        with pytest.raises(ConfigError, match="--as-of: expected an ISO 8601 time, found 'soon'"):
            score(pd.DataFrame({"id": ["a"]}), "out.csv", config=make_model(), as_of="soon")


class TestWarnings:
    def test_columns_absent_are_named(self, make_model: Make, tmp_path: Path) -> None:
        done = score(pd.DataFrame({"id": ["a"]}), tmp_path / "o.csv", config=make_model())
        assert done.warnings == (
            "columns absent, read as missing: seen, size, source",
            "the model reads activities and none were given: read as unknown",
        )

    def test_colleagues_need_their_account(
        self, make_model: Make, handmade: Definition, files: tuple[Path, Path]
    ) -> None:
        leads = replace(handmade.leads, account="company")
        colleagues = Feature(name="c", kind="count", scope="account")
        settings = make_model(
            definition=replace(handmade, leads=leads),
            features=(colleagues,),
            machine=Machine(((1.0, Scorecard(0.0, ())),), center=(0.0,)),
        )
        done = score(files[0], settings.root / "o.csv", activities=files[1], config=settings)
        assert done.warnings == (
            "what colleagues did is read as unknown: there is no column company",
        )
        frame = pd.read_csv(files[0]).assign(company="Acme")
        with_account = score(frame, settings.root / "o.csv", activities=files[1], config=settings)
        assert with_account.warnings == ()

    def test_a_file_that_has_changed_since(
        self, make_model: Make, handmade: Definition, files: tuple[Path, Path]
    ) -> None:
        settings = make_model()
        edited = replace(settings, definition=replace(handmade, points=PointsTable()))
        done = score(files[0], settings.root / "o.csv", activities=files[1], config=edited)
        assert done.warnings == (
            "leadml.toml differs from what version 3 was trained under: scoring uses the "
            "version's; train again to use the new",
        )


class TestRefused:
    def test_an_unknown_kind_of_output(self, make_model: Make, tmp_path: Path) -> None:
        with pytest.raises(
            ConfigError, match=r"expected a name ending in \.csv, \.parquet or \.jsonl"
        ):
            score(pd.DataFrame({"id": ["a"]}), tmp_path / "out.xlsx", config=make_model())

    @pytest.mark.parametrize("position", [0, 1])
    def test_the_file_that_is_read(
        self, make_model: Make, files: tuple[Path, Path], position: int
    ) -> None:
        before = files[position].read_text()
        target = files[position].parent / "x" / ".." / files[position].name
        with pytest.raises(ConfigError, match="is the very file that is read: name another"):
            score(str(files[0]), target, activities=files[1], config=make_model())
        assert files[position].read_text() == before

    def test_a_place_that_cannot_be_written(self, make_model: Make, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(DataError, match=r"out\.csv cannot be written: .*; choose another"):
            score(pd.DataFrame({"id": ["a"]}), tmp_path / "file/out.csv", config=make_model())

    def test_what_stood_there_stays_when_rows_are_bad(
        self, make_model: Make, tmp_path: Path
    ) -> None:
        (tmp_path / "out.csv").write_text("older")
        frame = pd.DataFrame({"id": ["a"], "size": ["huge"]})
        with pytest.raises(RowError, match="row 1: size"):
            score(frame, tmp_path / "out.csv", config=make_model(), strict=True)
        assert (tmp_path / "out.csv").read_text() == "older"

    def test_no_id_column(self, make_model: Make, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"no column 'id', which \[leads\]\.id names"):
            score(pd.DataFrame({"lead": ["a"]}), tmp_path / "o.csv", config=make_model())

    def test_no_model(self, handmade: Definition, tmp_path: Path) -> None:
        settings = Settings(definition=handmade, root=tmp_path)
        with pytest.raises(ModelError, match="train one with `leadml train LEADS`"):
            score(pd.DataFrame({"id": ["a"]}), tmp_path / "o.csv", config=settings)


def test_no_points_leaves_their_columns_empty(
    make_model: Make, handmade: Definition, files: tuple[Path, Path]
) -> None:
    settings = make_model(definition=replace(handmade, points=PointsTable()))
    score(files[0], settings.root / "out.parquet", config=settings)
    found = rows(settings.root / "out.parquet")
    assert {(row["points"], row["points_ready"]) for row in found} == {(None, None)}


def test_progress_ends_at_the_whole(make_model: Make, files: tuple[Path, Path]) -> None:
    told: list[tuple[str, float]] = []
    settings = make_model()
    score(
        files[0],
        settings.root / "out.csv",
        config=settings,
        progress=lambda step, share: told.append((step, share)),
    )
    assert told == [("reading", 0.0), ("scoring", 1.0), ("writing", 1.0)]


def test_texts_of_any_language_survive(make_model: Make, tmp_path: Path) -> None:
    frame = pd.DataFrame({"id": ['Müller, "x"\n家'], "source": ["Web"]})
    settings = make_model()
    for name in ("out.csv", "out.parquet"):
        score(frame, tmp_path / name, config=settings)
        assert rows(tmp_path / name)[0]["lead_id"] == 'Müller, "x"\n家'
