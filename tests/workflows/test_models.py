"""`leadml models` and `leadml promote`: who serves, here and in MLflow."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from leadml.cli.main import main
from leadml.domain.definition import Definition
from leadml.domain.mapping import LeadMapping
from leadml.errors import ModelError, TrackingError
from leadml.model.bundle import champion_bundle, read_aliases, write_alias
from leadml.settings import ServeSettings, Settings
from leadml.tracking import registered
from leadml.workflows.models import models, promote
from leadml.workflows.train import train

SMALL = replace(
    Definition(),
    leads=LeadMapping(
        id="id", outcome="stage", won=("Won",), lost=("Lost",), created_at="made", keep=("size",)
    ),
)


def frame_of(n: int, *, first: int = 0, useful: bool) -> pd.DataFrame:
    """Return leads, two a day; `size` decides who is won, and is only recorded if `useful`."""
    random = np.random.default_rng(first)
    size = random.normal(size=n)
    won = random.random(n) < 1 / (1 + np.exp(-3 * size))
    return pd.DataFrame(
        {
            "id": [f"L{first + k}" for k in range(n)],
            "stage": np.where(won, "Won", "Lost"),
            "made": pd.date_range("2024-01-01", periods=first + n, freq="12h").astype(str)[first:],
            "size": size if useful else np.nan,
            "noise": random.normal(size=n),
        }
    )


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, list[Any]]:
    """Train three times: without the column that tells, on the same again, then with it."""
    root = tmp_path_factory.mktemp("models")
    settings = Settings(definition=SMALL, root=root, tracking_uri=f"sqlite:///{root}/mlflow.db")
    old = frame_of(300, useful=False)
    new = pd.concat(
        [
            old.assign(size=frame_of(300, useful=True)["size"]),
            frame_of(300, first=300, useful=True),
        ],
        ignore_index=True,
    )
    return settings, [train(frame, config=settings) for frame in (old, old, new)]


@pytest.fixture
def at_rest(trained: tuple[Settings, list[Any]]) -> Settings:
    """Return the three versions with the third as champion, as training left them."""
    promote("2", config=trained[0])
    promote("3", config=trained[0])
    return trained[0]


def aliases_in_mlflow(settings: Settings) -> dict[str, str]:
    return {a: v.version for v in registered(settings.tracking_uri) for a in v.aliases}


def test_a_better_version_takes_over_and_an_equal_one_does_not(
    trained: tuple[Settings, list[Any]],
) -> None:
    first, second, third = trained[1]
    assert [(d.version, d.alias) for d in (first, second, third)] == [
        ("1", "champion"),
        ("2", "challenger"),
        ("3", "champion"),
    ]
    assert second.why.startswith("version 1 stays champion: only 0 won and 0 not won leads are new")
    assert third.why.startswith("better than the champion: on 300 leads new to version 1")


def test_newest_first_with_what_is_known_of_each(at_rest: Settings) -> None:
    found = models(at_rest)
    assert [(v.version, v.alias, v.problem) for v in found] == [
        ("3", "champion", None),
        ("2", None, None),
        ("1", None, None),
    ]
    values = [version.to_dict() for version in found]
    assert json.loads(json.dumps(values, allow_nan=False)) == values
    assert values[0]["leads"] == 600
    assert values[0]["agreement_hash"] == SMALL.agreement.hash()
    assert values[2]["out_of_time"]["log_loss"] > values[0]["out_of_time"]["log_loss"]


def test_promotion_and_rollback(at_rest: Settings) -> None:
    done = promote("1", config=at_rest)
    assert (done.version, done.alias) == ("1", "champion")
    assert champion_bundle(at_rest.models) == at_rest.models / "versions" / "1"
    assert aliases_in_mlflow(at_rest) == {"champion": "1"}
    promote("3", config=at_rest)
    champion = {"version": "3", "bundle": "versions/3", "previous": "1"}
    assert read_aliases(at_rest.models) == {"champion": champion}
    assert aliases_in_mlflow(at_rest) == {"champion": "3"}


def test_the_way_back_has_a_name(at_rest: Settings) -> None:
    assert promote("previous", config=at_rest).version == "2"
    assert aliases_in_mlflow(at_rest) == {"champion": "2"}
    assert promote("previous", config=at_rest).version == "3"


def test_promoting_the_champion_again_changes_nothing(at_rest: Settings) -> None:
    before = read_aliases(at_rest.models)
    promote("3", config=at_rest)
    promote("champion", config=at_rest)
    assert read_aliases(at_rest.models) == before


def test_an_unknown_version_is_refused_and_named_ones_told(at_rest: Settings) -> None:
    with pytest.raises(ModelError, match=r"no model '9' in .*: there are champion \(version 3\)"):
        promote("9", config=at_rest)
    assert aliases_in_mlflow(at_rest) == {"champion": "3"}


def test_a_damaged_version_is_shown_and_never_promoted(at_rest: Settings) -> None:
    path = at_rest.models / "versions" / "1" / "model.json"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    try:
        shown = models(at_rest)[2]
        assert shown.problem is not None
        assert "model.json was changed since the bundle was sealed" in shown.problem
        assert shown.to_dict()["leads"] is None
        with pytest.raises(ModelError, match="was changed since the bundle was sealed"):
            promote("1", config=at_rest)
        assert read_aliases(at_rest.models)["champion"]["version"] == "3"
    finally:
        path.write_bytes(whole)


def test_the_service_changes_even_when_mlflow_is_out_of_reach(at_rest: Settings) -> None:
    # What serves must not depend on the tracking server; what failed is said.
    (at_rest.root / "file").write_text("")
    broken = replace(at_rest, tracking_uri=f"sqlite:///{at_rest.root}/file/mlflow.db")
    with pytest.raises(TrackingError, match=r"^version \d+ is \w+ for the service, but not in MLf"):
        promote("1", config=broken)
    assert read_aliases(at_rest.models)["champion"]["version"] == "1"
    assert aliases_in_mlflow(at_rest) == {"champion": "3"}


def test_rolling_back_needs_nothing_of_a_damaged_champion(at_rest: Settings) -> None:
    config = at_rest.root / "leadml.toml"
    config.write_text('[tracking]\nuri = "sqlite:///mlflow.db"\n')
    path = champion_bundle(at_rest.models) / "manifest.json"
    whole = path.read_bytes()
    path.write_bytes(b"")
    try:
        done = CliRunner().invoke(main, ["rollback", "--config", str(config)])
        assert (done.exit_code, done.stdout.split(".")[0]) == (0, "Version 2 is champion again")
        assert "takes it up within about a second" in " ".join(done.stdout.split())
        assert read_aliases(at_rest.models)["champion"]["previous"] == "3"
        assert aliases_in_mlflow(at_rest)["champion"] == "2"
        refused = CliRunner().invoke(main, ["rollback", "--json", "--config", str(config)])
        assert refused.exit_code == 1  # the way there again is refused while it is damaged
        assert read_aliases(at_rest.models)["champion"]["version"] == "2"
    finally:
        path.write_bytes(whole)
    told = CliRunner().invoke(main, ["rollback", "--json", "--config", str(config)])
    assert json.loads(told.stdout)["version"] == "3"


def test_the_challenger_is_told_to_be_in_the_shadow_where_it_is(at_rest: Settings) -> None:
    write_alias(at_rest.models, "challenger", "1")
    shadowed = replace(at_rest, serve=ServeSettings(shadow=0.25))
    assert {v.version: v.shadow for v in models(shadowed)} == {"3": None, "2": None, "1": 0.25}
    assert {v.to_dict()["shadow"] for v in models(at_rest)} == {None}
    config = at_rest.root / "leadml.toml"
    config.write_text("[serve]\nshadow = 0.25\n")
    shown = CliRunner().invoke(main, ["models", "--config", str(config)]).stdout
    assert "Version 1 scores 25 % of the leads in the shadow: `leadml shadow`." in shown


def test_nothing_trained_yet(tmp_path: Path) -> None:
    settings = Settings(definition=SMALL, root=tmp_path)
    assert models(settings) == []
    with pytest.raises(ModelError, match="train one with `leadml train LEADS`"):
        promote("1", config=settings)
