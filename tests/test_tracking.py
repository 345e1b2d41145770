"""MLflow: what is recorded can be read back, and what goes wrong is said in one line."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from leadml import tracking
from leadml.errors import TrackingError

SERVED_BY = """\
import mlflow.pyfunc
import pandas as pd


class Echo(mlflow.pyfunc.PythonModel):
    def load_context(self, context):
        from pathlib import Path

        self.said = Path(context.artifacts["bundle"], "said.txt").read_text()

    def predict(self, context, model_input: pd.DataFrame, params=None):
        return [f"{self.said} {sorted(model_input.columns)}" for _ in range(len(model_input))]


mlflow.models.set_model(Echo())
"""


def training(folder: Path, **changes: Any) -> tracking.Recorded:
    bundle = folder / "bundle"
    bundle.mkdir(exist_ok=True)
    (bundle / "said.txt").write_text("hello")
    served_by = folder / "served.py"
    served_by.write_text(SERVED_BY)
    values: dict[str, Any] = {
        "params": {"seed": 3, "chosen": "additive"},
        "metrics": {"log_loss": 0.41},
        "tags": {"agreement_hash": "abc"},
        "documents": {"agreement.json": {"close_rate": 0.3}},
        "charts": {"gains.svg": "<svg/>"},
        "bundle": bundle,
        "columns": ("lead_id", "size"),
        "served_by": served_by,
    }
    return tracking.Recorded(**(values | changes))


def uri_of(folder: Path) -> str:
    return f"sqlite:///{folder}/models/mlflow.db"


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[str]]:
    """Record two versions; return the address and the versions' numbers."""
    folder = tmp_path_factory.mktemp("mlflow")
    uri = uri_of(folder)
    assert tracking.registered(uri) == []
    versions = [tracking.record(uri, training(folder)).version for _ in range(2)]
    return uri, versions


def mlflow_at(uri: str) -> Any:
    import mlflow

    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    return mlflow


def test_versions_count_up_newest_first(recorded: tuple[str, list[str]]) -> None:
    uri, versions = recorded
    assert versions == ["1", "2"]
    found = tracking.registered(uri)
    assert [v.version for v in found] == ["2", "1"]
    assert found[0].created_at.endswith("+00:00")
    assert found[0].run_id != found[1].run_id


def test_everything_can_be_read_back(recorded: tuple[str, list[str]], tmp_path: Path) -> None:
    uri, _ = recorded
    mlflow = mlflow_at(uri)
    run = mlflow.MlflowClient().get_run(tracking.registered(uri)[0].run_id)
    assert run.data.params == {"seed": "3", "chosen": "additive"}
    assert run.data.metrics == {"log_loss": 0.41}
    assert run.data.tags["agreement_hash"] == "abc"
    folder = Path(mlflow.artifacts.download_artifacts(run_id=run.info.run_id, dst_path=tmp_path))
    assert json.loads((folder / "agreement.json").read_text()) == {"close_rate": 0.3}
    assert (folder / "charts/gains.svg").read_text() == "<svg/>"


def test_the_model_can_be_loaded_and_needs_no_column(recorded: tuple[str, list[str]]) -> None:
    import pandas as pd

    mlflow = mlflow_at(recorded[0])
    model = mlflow.pyfunc.load_model("models:/leadml/2")
    frame = pd.DataFrame({"lead_id": ["a"], "size": [1.0]})
    assert model.predict(frame) == ["hello ['lead_id', 'size']"]
    assert model.predict(frame[["lead_id"]])[0].startswith("hello")


def test_artifacts_lie_beside_the_database(recorded: tuple[str, list[str]]) -> None:
    folder = Path(recorded[0].removeprefix("sqlite:///")).parent
    assert (folder / "mlartifacts").is_dir()


def test_an_alias_moves_and_a_version_keeps_one(recorded: tuple[str, list[str]]) -> None:
    uri, _ = recorded

    def aliases() -> dict[str, tuple[str, ...]]:
        return {v.version: v.aliases for v in tracking.registered(uri)}

    tracking.set_alias(uri, "champion", "1")
    tracking.set_alias(uri, "challenger", "2")
    assert aliases() == {"1": ("champion",), "2": ("challenger",)}
    tracking.set_alias(uri, "champion", "2")
    assert aliases() == {"1": (), "2": ("champion",)}
    assert mlflow_at(uri).MlflowClient().get_model_version_by_alias("leadml", "champion").version


def test_an_unknown_version_is_refused(recorded: tuple[str, list[str]]) -> None:
    with pytest.raises(TrackingError, match=r"MLflow at sqlite:.* refused: .*version=7"):
        tracking.set_alias(recorded[0], "champion", "7")


def test_mlflow_says_nothing_itself(
    recorded: tuple[str, list[str]], capfd: pytest.CaptureFixture[str]
) -> None:
    tracking.registered(recorded[0])
    assert capfd.readouterr() == ("", "")


def test_a_failure_half_way_registers_nothing(tmp_path: Path) -> None:
    uri = uri_of(tmp_path)
    broken = training(tmp_path, served_by=tmp_path / "none.py")
    with pytest.raises(TrackingError) as refusal:
        tracking.record(uri, broken)
    assert "\n" not in str(refusal.value)
    assert tracking.registered(uri) == []


class TestOutOfReach:
    def refused(self, uri: str, message: str) -> None:
        for ask in (tracking.reach, tracking.registered):
            with pytest.raises(TrackingError, match=message) as refusal:
                ask(uri)
            assert "\n" not in str(refusal.value)
            assert "check [tracking].uri in leadml.toml" in str(refusal.value)

    def test_a_file_in_the_way(self, tmp_path: Path) -> None:
        (tmp_path / "models").write_text("a file")
        self.refused(uri_of(tmp_path), "File exists|Not a directory")

    def test_a_folder_in_place_of_the_database(self, tmp_path: Path) -> None:
        self.refused(f"sqlite:///{tmp_path}", "unable to open database file")

    def test_no_database(self, tmp_path: Path) -> None:
        (tmp_path / "mlflow.db").write_text("once upon a time " * 100)
        self.refused(f"sqlite:///{tmp_path}/mlflow.db", "file is not a database")

    def test_a_database_of_something_else(self, tmp_path: Path) -> None:
        with closing(sqlite3.connect(tmp_path / "mlflow.db")) as database:
            database.execute("CREATE TABLE experiments (name TEXT)")
            database.commit()
        self.refused(f"sqlite:///{tmp_path}/mlflow.db", "refused: ")

    def test_an_unknown_kind_of_address(self) -> None:
        self.refused("nonsense://x", "unsupported URI 'nonsense://x'|refused")

    def test_nobody_listens(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        self.refused("http://user:word@127.0.0.1:9", r"MLflow at http://127\.0\.0\.1:9 refused")

    def test_no_password_is_shown(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        with pytest.raises(TrackingError) as refusal:
            tracking.reach("http://user:s3cret@127.0.0.1:9")
        assert "s3cret" not in str(refusal.value)
