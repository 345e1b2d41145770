"""What is sealed and makes no sense is refused as well: who may write a folder may seal it anew."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadml.domain.definition import Definition
from leadml.domain.mapping import LeadMapping
from leadml.errors import ModelError
from leadml.model.bundle import Bundle, read_bundle, write_bundle
from leadml.model.eventually import Eventually
from leadml.model.peers import FeaturePeers, Group, Peers
from leadml.model.scorecard import Levels, Line, Machine, Pieces, Scorecard, Steps
from leadml.model.sealed_files import digest_of, seal_of
from leadml.model.trend import Trend
from leadml.model.value import Ranks, Value
from leadml.snapshot.features import Feature, FeatureSet

FEATURES = FeatureSet(
    (
        Feature(name="size", kind="number", column="size"),
        Feature(name="source", kind="text", column="source", levels=("Ads", "Web")),
        Feature(name="visits", kind="count", activity="visit", window=7.0),
    ),
    frozenset(),
)
CARD = Scorecard(
    -1.0,
    (
        Steps(0, (1.0, 2.0), (0.0, 0.5, 1.0), -0.5),
        Levels(1, (0.5, -0.5), 0.0),
        Line(2, (0.0, 4.0), (0.0, 2.0), 0.25),
    ),
)
PIECES = Scorecard(0.0, (Pieces(0, (1.0, 3.0), (0.0, 1.0, 2.0), (0.0, 2.0, 2.0), 0.0),))
GROUPS = (Group("< 2", 60, 6, -0.5), Group("≥ 2", 38, 15, 0.5), Group("unknown", 2, 0))
NUMBERS = FeaturePeers(GROUPS, (2.0,), (), 0.7, ((60, 6), (38, 15), (2, 0)), True)
TEXTS = FeaturePeers(GROUPS, (), (0, 1), 0.7, ((60, 6), (38, 15), (2, 0)), True)


def write(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    write_bundle(
        folder,
        manifest={"threshold": {"probability": 0.5, "basis": "guaranteed"}},
        definition=Definition(leads=LeadMapping(id="id")),
        features=FEATURES,
        machine=Machine(
            ((0.5, CARD), (0.5, PIECES)), (), 1.0, 0.1, (0.0, 0.1, 0.2), Trend(0.001, 5, 0, 10)
        ),
        trained_on=["L1"],
        eventually=Eventually(horizon_days=90.0, form="logistic", slope=1.0, card=CARD),
        peers=Peers(100, 21, (NUMBERS, TEXTS, NUMBERS)),
        value=Value(ranks=Ranks((0.0, 9.0), (0.2, 0.8), 5.0), basis="model", card=CARD, mean=9.0),
    )
    return folder


def seal_anew(folder: Path, name: str, change: Callable[[dict[str, Any]], object]) -> None:
    """Change a file and seal the bundle again, as whoever may write the folder can."""
    content = json.loads((folder / name).read_text())
    change(content)
    (folder / name).write_text(json.dumps(content).replace("Infinity", "1e999"))
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"][name] = digest_of(folder / name)
    manifest["seal"] = seal_of(manifest)
    (folder / "manifest.json").write_text(json.dumps(manifest))


def put(*path: Any) -> Callable[[Any], None]:
    """Return what puts the last of `path` in the place that the others lead to."""

    def change(content: Any) -> None:
        *way, last, value = path
        for step in way:
            content = content[step]
        content[last] = value

    return change


def read(folder: Path) -> Bundle:
    """Read all that serves."""
    bundle = read_bundle(folder)
    assert bundle.peers is not None
    return bundle


FIRST, SECOND = ("cards", 0, 1, "terms", 0), ("cards", 1, 1, "terms", 0)


@pytest.mark.parametrize(
    ("name", "change", "problem"),
    [
        ("model.json", put(*FIRST, "feature", 3), "terms of the features"),
        ("model.json", put(*FIRST, "feature", -1), "terms of the features"),
        ("model.json", put(*FIRST, "feature", True), "terms of the features"),
        ("model.json", put(*FIRST, "cuts", [2.0, 1.0]), "rising cuts"),
        ("model.json", put(*FIRST, "cuts", [1.0]), "a value for each cut"),
        ("model.json", put(*FIRST, "values", [0.0, 1e999, 1.0]), "finite terms"),
        ("model.json", put(*FIRST, "values", [0.0, "1", 1.0]), "finite terms"),
        ("model.json", put(*FIRST, "values", [0.0, 10**400, 1.0]), "finite terms"),
        ("model.json", put(*FIRST, "missing", None), "finite terms"),
        ("model.json", put(*FIRST, "shape", "curve"), "KeyError"),
        ("model.json", put(*SECOND, "starts", [0.0]), "a start for each value"),
        ("model.json", put(*SECOND, "starts", [0.0, 1e999, 1.0]), "finite starts"),
        ("model.json", put(*SECOND, "cuts", [1.0, 1.0]), "pieces of some width"),
        ("model.json", put("cards", 0, 0, "half"), "finite weights"),
        ("model.json", put("cards", 0, 1, "constant", [1]), "a finite constant"),
        ("model.json", put("slope", None), "a finite line"),
        ("model.json", put("center", [0.0]), "a centre for each feature"),
        ("model.json", put("center", [0.0, 1e999, 0.0]), "a finite centre"),
        ("model.json", put("trend", "rate", 1e999), "a finite trend"),
        ("model.json", put("trend", "last", 2**63), "moments"),
        ("model.json", put("features", 0, "kind", "magic"), "known kinds of features"),
        ("model.json", put("features", 0, "column", None), "a column for attributes"),
        ("model.json", put("features", 2, "window", "week"), "windows of days"),
        ("model.json", put("features", 1, "levels", [1, 2]), "features with texts for names"),
        ("model.json", put("features", 0, "colour", "red"), "TypeError"),
        ("model.json", lambda c: c.pop("cards"), "KeyError"),
        ("definition.json", put("leads", "colour", "red"), "TypeError"),
        ("definition.json", put("agreement", "effective_from", "soon"), "ValueError"),
        ("eventually.json", put("slope", 1e999), "a finite line"),
        ("eventually.json", put("form", "magic"), "a known form"),
        ("eventually.json", put("card", "terms", 0, "feature", 9), "terms of the features"),
        ("value.json", put("ranks", "shares", [0.2]), "as many shares as worths"),
        ("value.json", put("ranks", "shares", [0.2, 1.5]), "shares from 0 to 1"),
        ("value.json", put("ranks", "values", [9.0, 0.0]), "rising worths"),
        ("value.json", put("ranks", "scale", 0), "a scale above 0"),
        ("value.json", put("unknown", "low", 1e999), "finite factors"),
        ("value.json", put("mean", 1e999), "a finite mean"),
        ("value.json", put("basis", "guess"), "a known basis"),
        ("value.json", put("card", "terms", 0, "feature", 9), "terms of the features"),
        ("peers.json", put("leads", 0), "leads"),
        ("peers.json", put("features", []), "peers for each feature"),
        ("peers.json", put("features", 0, "groups", []), "groups"),
        ("peers.json", put("features", 1, "group_of", [0, 3]), "groups of the levels"),
        ("peers.json", put("features", 0, "edges", [2.0, 1.0]), "rising edges"),
        ("peers.json", put("features", 0, "groups", 0, "won", 61), "leads and wins of a group"),
        ("peers.json", put("features", 0, "groups", 0, "effect", 1e999), "finite effects"),
        ("peers.json", put("features", 0, "importance", 1e999), "a finite importance"),
    ],
)
def test_what_makes_no_sense_is_refused(
    tmp_path: Path, name: str, change: Callable[[dict[str, Any]], object], problem: str
) -> None:
    folder = write(tmp_path)
    assert read(folder).machine.additive
    seal_anew(folder, name, change)
    with pytest.raises(ModelError, match=rf"{name}.*{problem}") as refusal:
        read(folder)
    assert "\n" not in str(refusal.value)


def test_deep_and_endless_json_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path)
    seal_anew(folder, "model.json", lambda _: None)
    for text in ("[" * 100_000, '{"a":' * 100_000, "9" * 10_000, '{"slope": NaN}', "\ud800"):
        (folder / "model.json").write_text(text, "utf-8", "surrogatepass")
        manifest = json.loads((folder / "manifest.json").read_text())
        manifest["files"]["model.json"] = digest_of(folder / "model.json")
        manifest["seal"] = seal_of(manifest)
        (folder / "manifest.json").write_text(json.dumps(manifest))
        with pytest.raises(ModelError, match=r"model\.json cannot be read as JSON"):
            read_bundle(folder)


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False),
    st.text(max_size=3),
    st.just([]),
    st.just({}),
)


def places(content: Any) -> list[tuple[Any, ...]]:
    """Return the way to everything in a JSON value."""
    inside = content.items() if isinstance(content, dict) else enumerate(content)
    found: list[tuple[Any, ...]] = []
    for key, value in inside:
        found.append((key,))
        if isinstance(value, (dict, list)):
            found += [(key, *way) for way in places(value)]
    return found


@settings(max_examples=80)
@given(
    st.sampled_from(["model.json", "eventually.json", "value.json", "peers.json"]),
    st.integers(0, 10**6),
    VALUES,
)
def test_whatever_is_read_scores_or_is_refused(
    tmp_path_factory: pytest.TempPathFactory, name: str, number: int, value: object
) -> None:
    folder = write(tmp_path_factory.getbasetemp() / "anything")
    ways = places(json.loads((folder / name).read_text()))
    seal_anew(folder, name, put(*ways[number % len(ways)], value))
    try:
        bundle = read(folder)
    except ModelError:
        return
    x = np.array([[np.nan] * 3, [1.5, 0.0, 2.0], [1e9, 7.0, 1e9]])
    log_odds = bundle.machine.log_odds(x, np.array([0, 7, 2**60]))
    assert all(math.isfinite(each) for each in log_odds.tolist())
    if bundle.peers is not None:
        for own in bundle.peers.features:
            assert {own.group(0.0), own.group(math.nan)} <= set(range(len(own.groups)))
