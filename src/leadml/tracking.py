"""The only module that talks to MLflow: runs, registered versions and their aliases."""

import logging
import os
import re
import sqlite3
import warnings
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from io import StringIO
from pathlib import Path
from typing import Any

from leadml.errors import TrackingError

NAME = "leadml"
"""Name of the experiment and of the registered model."""


@dataclass(frozen=True)
class Registered:
    """One registered version.

    Attributes
    ----------
    version : str
    created_at : str
        ISO 8601, UTC.
    aliases : tuple of str
    run_id : str
    tags : dict of str
    """

    version: str
    created_at: str
    aliases: tuple[str, ...]
    run_id: str
    tags: Mapping[str, str]


@dataclass(frozen=True)
class Recorded:
    """What one training leaves in MLflow.

    Attributes
    ----------
    params, metrics, tags : dict
        Flat.
    documents : dict
        File name -> JSON-ready content.
    charts : dict
        File name -> SVG text.
    bundle : Path
        Folder of the finished bundle.
    columns : tuple of str
        Input columns, for the signature: MLflow passes on no others.
    served_by : Path
        The Python file that serves the bundle inside MLflow ("models from code").
    """

    params: Mapping[str, Any]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    documents: Mapping[str, Any]
    charts: Mapping[str, str]
    bundle: Path
    columns: tuple[str, ...]
    served_by: Path


def reach(uri: str) -> None:
    """Make sure that MLflow answers before work begins that it is to record.

    Raises
    ------
    TrackingError
        If it does not.
    """
    with _client(uri) as mlflow:
        _experiment(mlflow, uri)


def record(uri: str, training: Recorded) -> Registered:
    """Write one training run and register its bundle as the next version.

    Raises
    ------
    TrackingError
        If the tracking server or database cannot be reached or refuses.
    """
    with _client(uri) as mlflow:
        _experiment(mlflow, uri)
        with mlflow.start_run() as run:
            mlflow.log_params(dict(training.params))
            mlflow.log_metrics(dict(training.metrics))
            mlflow.set_tags(dict(training.tags))
            for name, content in training.documents.items():
                mlflow.log_dict(content, name)
            for name, svg in training.charts.items():
                mlflow.log_text(svg, f"charts/{name}")
            logged = mlflow.pyfunc.log_model(
                name=NAME,
                python_model=str(training.served_by),
                artifacts={"bundle": str(training.bundle)},
                signature=_signature(training.columns),
                pip_requirements=[f"leadml=={_own_version()}"],
                registered_model_name=NAME,
            )
        version = str(logged.registered_model_version)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        return Registered(version, now, (), run.info.run_id, dict(training.tags))


def set_alias(uri: str, alias: str, version: str) -> None:
    """Point an alias at a registered version; the version keeps no other alias of ours."""
    with _client(uri) as mlflow:
        client = mlflow.MlflowClient()
        found = client.get_model_version(NAME, version)
        for other in {"champion", "challenger"} & set(found.aliases) - {alias}:
            client.delete_registered_model_alias(NAME, other)
        client.set_registered_model_alias(NAME, alias, version)


def registered(uri: str) -> list[Registered]:
    """Return all registered versions, newest first."""
    with _client(uri) as mlflow:
        client = mlflow.MlflowClient()
        if not client.search_registered_models(filter_string=f"name = '{NAME}'"):
            return []
        aliases: dict[str, list[str]] = {}
        for alias, version in client.get_registered_model(NAME).aliases.items():
            aliases.setdefault(str(version), []).append(alias)
        found = client.search_model_versions(f"name = '{NAME}'")
        return sorted(
            (_registered(version, aliases) for version in found),
            key=lambda version: -int(version.version),
        )


def _registered(version: Any, aliases: Mapping[str, list[str]]) -> Registered:
    created = datetime.fromtimestamp(version.creation_timestamp / 1000, UTC)
    number = str(version.version)
    return Registered(
        number,
        created.isoformat(timespec="seconds"),
        tuple(sorted(aliases.get(number, []))),
        version.run_id or "",
        dict(version.tags),
    )


@contextmanager
def _client(uri: str) -> Iterator[Any]:
    """Import MLflow, quietly and without telemetry, and turn its failures into one line."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")  # 7 are four minutes of silence
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)
    with warnings.catch_warnings(), redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        warnings.simplefilter("ignore")
        import mlflow
        import mlflow.pyfunc

        for name in ("mlflow", "alembic"):
            logging.getLogger(name).setLevel(logging.ERROR)
        try:
            _open_sqlite(uri)
            mlflow.set_tracking_uri(uri)
            mlflow.set_registry_uri(uri)
            yield mlflow
        except Exception as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            told = _without_passwords(f"MLflow at {uri} refused: {reason}")[:400]
            msg = f"{told}; check [tracking].uri in leadml.toml"
            raise TrackingError(msg) from error


def _open_sqlite(uri: str) -> None:
    """Make a SQLite file's folder; refuse at once what MLflow would retry for minutes."""
    if uri.startswith("sqlite:///"):
        path = Path(uri.removeprefix("sqlite:///"))
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(path)) as database:
            database.execute("PRAGMA schema_version")


def _experiment(mlflow: Any, uri: str) -> None:
    """Choose the experiment; beside a SQLite file its artifacts lie beside that file too."""
    if uri.startswith("sqlite:///") and mlflow.get_experiment_by_name(NAME) is None:
        folder = Path(uri.removeprefix("sqlite:///")).parent / "mlartifacts"
        mlflow.create_experiment(NAME, artifact_location=folder.resolve().as_uri())
    mlflow.set_experiment(NAME)


def _signature(columns: tuple[str, ...]) -> Any:
    """Write the signature by hand: every column may be missing, and of any type that reads."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema
    from mlflow.types.schema import AnyType

    inputs = [ColSpec(AnyType(), name, required=False) for name in columns]
    outputs = [ColSpec("double", "probability"), ColSpec("string", "answer")]
    return ModelSignature(Schema(inputs) if inputs else None, Schema(outputs))


def _own_version() -> str:
    try:
        return version("leadml")
    except PackageNotFoundError:  # a source tree that was never installed
        return "0"


def _without_passwords(text: str) -> str:
    return re.sub(r"//[^/@\s]+@", "//", text)
