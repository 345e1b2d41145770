"""Bundles: read back exactly, refused in one line when anything was changed."""

import hashlib
import json
import os
import stat
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadml.domain.agreement import Agreement
from leadml.domain.definition import Definition
from leadml.domain.mapping import ActivityMapping, LeadMapping
from leadml.domain.points_table import PointsTable, Rule
from leadml.errors import ModelError
from leadml.model.bundle import (
    champion_bundle,
    id_hashes,
    install_bundle,
    previous_champion,
    read_aliases,
    read_bundle,
    versions,
    write_alias,
    write_bundle,
)
from leadml.model.candidates import boosted
from leadml.model.eventually import Eventually
from leadml.model.peers import FeaturePeers, Group, Peers
from leadml.model.scorecard import Levels, Line, Machine, Scorecard, Steps
from leadml.model.sealed_files import digest_of, seal_of
from leadml.model.trend import Trend
from leadml.snapshot.features import RARE, Feature, FeatureSet

DEFINITION = Definition(
    leads=LeadMapping(id="id", won=("Won", 1, True), lost=(0.5,), decimal=","),
    agreement=Agreement(effective_from=date(2026, 1, 1), signed_by=("Ann", "Bob")),
    points=PointsTable(
        rules=(Rule(name="big", points=5.0, column="size", between=(50.0, 2000.0)),),
        caps={"fit": 40.0},
    ),
)
FEATURES = FeatureSet(
    (
        Feature(name="size", kind="number", column="size", gaps=("50+",)),
        Feature(name="source", kind="text", column="source", levels=("Ads", "Web", RARE)),
        Feature(name="visits", kind="count", activity="visit", window=7.0),
    ),
    frozenset({"n/a", "select"}),
    "Europe/Berlin",
    "%d/%m/%Y",
    ",",
    frozenset({"gmail.com", "unknown"}),
)
CARD = Scorecard(
    -1.1,
    (
        Steps(0, (0.1, 1 / 3), (0.1, -0.2, 0.3), 0.0),
        Levels(1, (0.1, 0.2, 0.3), -0.1),
        Line(2, (0.0, 5.0), (0.0, 1e-17), 0.5),
    ),
)
LATE = Eventually(
    horizon_days=180.0, leads=9, won=3, why="few", form="logistic", slope=0.5, card=CARD
)
MANIFEST: dict[str, Any] = {"threshold": {"probability": 0.31, "basis": "guaranteed"}, "leads": 3}


def trees_machine() -> Machine:
    random = np.random.default_rng(0)
    x = random.normal(size=(200, 3))
    y = (random.random(200) < 0.4).astype(np.int8)
    full = boosted(
        x, y, categorical=np.zeros(3, bool), additive=False, newest_last=False, seed=0, rounds=5
    ).machine.trees[0][1]
    return Machine(((0.5, CARD),), ((0.3, full), (0.2, full)), 0.9, -0.1, (0.1, 0.2, 0.3))


def write(folder: Path, machine: Machine | None = None) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    write_bundle(
        folder,
        manifest=MANIFEST,
        definition=DEFINITION,
        features=FEATURES,
        machine=machine or Machine(((1.0, CARD),), center=(0.0, 0.1, 0.2)),
        trained_on=["L1", "L2", "Lé"],
    )
    return folder


def moving_machine() -> Machine:
    return replace(trees_machine(), trend=Trend(0.001, 10, -5, 2**60))


@pytest.mark.parametrize("machine", [None, trees_machine(), moving_machine()])
def test_what_is_read_is_what_was_written(tmp_path: Path, machine: Machine | None) -> None:
    written = machine or Machine(((1.0, CARD),), center=(0.0, 0.1, 0.2))
    bundle = read_bundle(write(tmp_path / "7", machine))
    assert bundle.machine == written
    assert bundle.features == FEATURES
    assert bundle.definition == DEFINITION
    assert bundle.version == "7"
    assert {key: bundle.manifest[key] for key in MANIFEST} == MANIFEST
    x = np.random.default_rng(1).normal(size=(50, 3))
    x[:, 1] = np.nan
    assert (bundle.machine.log_odds(x) == written.log_odds(x)).all()


@pytest.mark.parametrize("late", [None, LATE])
def test_the_chance_of_a_late_win_is_sealed_with_the_rest(
    tmp_path: Path, late: Eventually | None
) -> None:
    write_bundle(
        tmp_path,
        manifest=MANIFEST,
        definition=DEFINITION,
        features=FEATURES,
        machine=Machine(((1.0, CARD),)),
        trained_on=[],
        eventually=late,
    )
    bundle = read_bundle(tmp_path)
    assert bundle.eventually == late
    assert ("eventually.json" in bundle.manifest["files"]) == (late is not None)
    if late is not None:
        (tmp_path / "eventually.json").write_text("{}")
        with pytest.raises(ModelError, match=r"eventually\.json was changed since"):
            read_bundle(tmp_path)


def test_leads_like_a_lead_are_sealed_with_the_rest(tmp_path: Path) -> None:
    groups = (Group("< 2", 600, 60, -0.5), Group("≥ 2", 380, 156, 0.5), Group("unknown", 20, 4))
    own = FeaturePeers(groups, (2.0,), (), 0.75, ((380, 156),), True)
    peers = Peers(1000, 220, (own, own, own))
    write_bundle(
        tmp_path,
        manifest=MANIFEST,
        definition=DEFINITION,
        features=FEATURES,
        machine=Machine(((1.0, CARD),)),
        trained_on=[],
        peers=peers,
    )
    assert read_bundle(tmp_path).peers == peers
    (tmp_path / "peers.json").write_text("{}")
    with pytest.raises(ModelError, match=r"peers\.json was changed since"):
        read_bundle(tmp_path)


def test_a_bundle_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    folder = write(tmp_path)
    for name, of in (("model.json", lambda c: c), ("definition.json", lambda c: c["leads"])):
        content = json.loads((folder / name).read_text())
        del of(content)["decimal"]
        content.pop("trend", None)
        content.pop("crowds", None)
        (folder / name).write_text(json.dumps(content))
    manifest = json.loads((folder / "manifest.json").read_text())
    for name in manifest["files"]:
        manifest["files"][name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    del manifest["seal"]
    seal = hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest | {"seal": seal}))
    bundle = read_bundle(folder)
    assert bundle.features == replace(FEATURES, decimal=".", crowds=frozenset())
    assert bundle.machine.trend is None
    assert bundle.peers is None
    assert bundle.definition.leads.decimal == "."


def test_it_knows_the_leads_it_learnt_from(tmp_path: Path) -> None:
    bundle = read_bundle(write(tmp_path))
    assert bundle.trained_on(["L2", "L3", "Lé", "l1"]).tolist() == [True, False, True, False]
    assert bundle.trained_on([]).tolist() == []


def test_a_hash_is_the_start_of_the_sha256() -> None:
    # sha256("abc") is ba7816bf 8f01cfea ... (FIPS 180-2, appendix B.1)
    expected = np.frombuffer(bytes.fromhex("ba7816bf8f01cfea"), np.uint64)
    assert id_hashes(["abc"]).tolist() == expected.tolist()


def test_the_same_content_gives_the_same_files(tmp_path: Path) -> None:
    first, second = write(tmp_path / "1", trees_machine()), write(tmp_path / "2", trees_machine())
    for path in first.iterdir():
        assert path.read_bytes() == (second / path.name).read_bytes()


def test_it_holds_data_and_no_pickle(tmp_path: Path) -> None:
    folder = write(tmp_path, trees_machine())
    assert {path.name for path in folder.iterdir()} == {
        "manifest.json",
        "model.json",
        "definition.json",
        "trained_on.npy",
        "trees-0.bin",
        "trees-1.bin",
    }


def edit_manifest(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = folder / "manifest.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def refused(folder: Path, message: str) -> None:
    with pytest.raises(ModelError, match=message) as refusal:
        read_bundle(folder)
    assert "\n" not in str(refusal.value)


SEALED = ["model.json", "definition.json", "trained_on.npy", "trees-1.bin"]


class TestDamage:
    @pytest.mark.parametrize("name", SEALED)
    def test_one_flipped_bit(self, tmp_path: Path, name: str) -> None:
        folder = write(tmp_path, trees_machine())
        content = bytearray((folder / name).read_bytes())
        content[len(content) // 2] ^= 1
        (folder / name).write_bytes(content)
        refused(folder, f"{name} was changed since the bundle was sealed: restore it or train")

    @pytest.mark.parametrize("name", SEALED)
    def test_cut_short(self, tmp_path: Path, name: str) -> None:
        folder = write(tmp_path, trees_machine())
        (folder / name).write_bytes((folder / name).read_bytes()[:-1])
        refused(folder, f"{name} was changed")

    @pytest.mark.parametrize("name", SEALED)
    def test_gone(self, tmp_path: Path, name: str) -> None:
        folder = write(tmp_path, trees_machine())
        (folder / name).unlink()
        refused(folder, f"{name} is missing: the bundle is incomplete, restore it or train again")

    def test_no_manifest(self, tmp_path: Path) -> None:
        refused(tmp_path, r"manifest.json is missing: train a model with `leadml train`")

    @pytest.mark.parametrize("text", ["", "{", '{"format": 1', "\x00"])
    def test_a_manifest_cut_short(self, tmp_path: Path, text: str) -> None:
        (write(tmp_path) / "manifest.json").write_text(text)
        refused(tmp_path, "manifest.json cannot be read as JSON")

    def test_a_manifest_that_is_no_object(self, tmp_path: Path) -> None:
        (write(tmp_path) / "manifest.json").write_text("[]")
        refused(tmp_path, "does not hold a JSON object")

    def test_a_newer_format(self, tmp_path: Path) -> None:
        write(tmp_path)
        edit_manifest(tmp_path, lambda content: content.update(format=2))
        refused(tmp_path, r"bundle format 2 is newer than 1, which this .* reads: upgrade leadml")

    @pytest.mark.parametrize("version", [0, None, "1", True, "2" * 99])
    def test_another_format(self, tmp_path: Path, version: object) -> None:
        write(tmp_path)
        edit_manifest(tmp_path, lambda content: content.update(format=version))
        refused(tmp_path, rf"bundle format {version!r:.40} is not 1: use the leadml that wrote it")

    def test_an_edited_threshold(self, tmp_path: Path) -> None:
        write(tmp_path)
        edit_manifest(tmp_path, lambda content: content["threshold"].update(probability=0.01))
        refused(tmp_path, "manifest.json was changed since it was sealed")

    @pytest.mark.parametrize("key", ["files", "seal", "threshold"])
    def test_a_manifest_without_a_part(self, tmp_path: Path, key: str) -> None:
        write(tmp_path)
        edit_manifest(tmp_path, lambda content: content.pop(key))
        refused(tmp_path, "manifest.json was changed since it was sealed")

    def test_a_file_outside_the_bundle(self, tmp_path: Path) -> None:
        # Sealed as its writer wished, but reaching for a neighbour's file.
        (tmp_path / "secret").write_text("x")
        folder = tmp_path / "1"
        folder.mkdir()
        write_bundle(
            folder,
            manifest={"files": {"../secret": "0" * 64}},
            definition=DEFINITION,
            features=FEATURES,
            machine=Machine(((1.0, CARD),)),
            trained_on=[],
        )
        refused(folder, "names ../secret, which is not in the bundle")

    def test_trees_that_are_not_sealed(self, tmp_path: Path) -> None:
        whole = json.loads((write(tmp_path / "1", trees_machine()) / "manifest.json").read_text())
        del whole["files"]["trees-1.bin"]
        folder = tmp_path / "2"
        folder.mkdir()
        write_bundle(
            folder,
            manifest={"files": whole["files"]},
            definition=DEFINITION,
            features=FEATURES,
            machine=trees_machine(),
            trained_on=["L1", "L2", "Lé"],
        )
        refused(folder, "trees-1.bin is not sealed by manifest.json")


NAMES = (
    "manifest.json",
    "model.json",
    "definition.json",
    "trained_on.npy",
    "trees-0.bin",
    "trees-1.bin",
    "pipeline.joblib",
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a small bundle with everything a bundle may hold."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "pipeline.joblib").write_bytes(b"no pickle at all")
    assert {path.name for path in write(folder, trees_machine()).iterdir()} == set(NAMES)
    return folder


@settings(max_examples=100)
@given(name=st.sampled_from(NAMES), place=st.integers(0), bit=st.integers(0, 7), cut=st.booleans())
def test_no_damage_of_any_file_is_served(
    whole: Path, name: str, place: int, bit: int, cut: bool
) -> None:
    sound = (whole / name).read_bytes()
    content = bytearray(sound)
    place %= len(content)
    content[place] ^= 1 << bit
    (whole / name).write_bytes(content[:place] if cut else content)
    try:
        refused(whole, "was changed since|cannot be read as JSON|does not hold|bundle format")
    finally:
        (whole / name).write_bytes(sound)


class TestAttack:
    def test_the_pickle_of_a_bundle_is_never_opened(self, tmp_path: Path) -> None:
        (tmp_path / "pipeline.joblib").write_bytes(b"cos\nsystem\n(S'touch owned'\ntR.")
        assert read_bundle(write(tmp_path)).trained_on(["L1"]).tolist() == [True]
        assert not (tmp_path / "owned").exists()

    def test_a_file_changed_after_it_was_verified(self, tmp_path: Path) -> None:
        bundle = read_bundle(write(tmp_path))
        np.save(tmp_path / "trained_on.npy", np.zeros(3, np.uint64))
        with pytest.raises(ModelError, match=r"trained_on\.npy was changed since"):
            bundle.trained_on(["L1"])

    @pytest.mark.parametrize("array", [np.zeros(3), np.zeros((2, 2), np.uint64), np.uint64(7)])
    def test_hashes_of_another_shape(self, tmp_path: Path, array: Any) -> None:
        folder = write(tmp_path)
        np.save(folder / "trained_on.npy", array)
        reseal(folder)
        with pytest.raises(ModelError, match="does not hold 64-bit numbers"):
            read_bundle(folder).trained_on(["L1"])

    def test_hashes_that_promise_more_than_there_is(self, tmp_path: Path) -> None:
        folder = write(tmp_path)
        content = (folder / "trained_on.npy").read_bytes()
        assert b"'shape': (3,)" in content
        (folder / "trained_on.npy").write_bytes(content.replace(b"(3,), ", b"(9**9,"))
        reseal(folder)
        with pytest.raises(ModelError, match="does not hold 64-bit numbers"):
            read_bundle(folder).trained_on(["L1"])

    @pytest.mark.parametrize("name", ["..", ".", "../model.json", "a/b", "/etc/passwd", "\0", "x"])
    def test_names_beyond_the_bundle(self, tmp_path: Path, name: str) -> None:
        folder = write(tmp_path / "1")
        edit_manifest(folder, lambda content: content["files"].update({name: "0" * 64}))
        reseal(folder)
        refused(folder, "which is not in the bundle|is missing")

    @pytest.mark.parametrize("files", [None, [], "x", {"model.json": 7}])
    def test_files_that_are_no_files(self, tmp_path: Path, files: object) -> None:
        folder = write(tmp_path)
        edit_manifest(folder, lambda content: content.update(files=files))
        reseal(folder)
        refused(folder, "was changed since|is not sealed")

    def test_a_pipe_is_not_waited_for(self, tmp_path: Path) -> None:
        folder = write(tmp_path)
        for name in ("model.json", "manifest.json"):
            (folder / name).unlink()
            os.mkfifo(folder / name)
            refused(folder, f"{name} is missing")

    def test_more_than_a_bundle_may_hold(self, tmp_path: Path) -> None:
        folder = write(tmp_path)
        with (folder / "trees-0.bin").open("wb") as file:
            file.truncate(50 * 10**9)  # a hole: no disk is used
        edit_manifest(folder, lambda content: content["files"].update({"trees-0.bin": "0" * 64}))
        reseal(folder)
        refused(folder, "may hold 1,000 files and 2 GB, and .* names 4 files of 50.0 GB")

    def test_json_that_is_too_large(self, tmp_path: Path) -> None:
        folder = write(tmp_path)
        with (folder / "model.json").open("wb") as file:
            file.truncate(10**8)
        refused(folder, r"model\.json is larger than 64 MB")

    def test_trees_that_are_garbage_under_a_seal_that_fits(self, tmp_path: Path) -> None:
        folder = write(tmp_path, trees_machine())
        content = (folder / "trees-1.bin").read_bytes()
        for garbage in (b"", b"\0" * 500, content[:-8], content[::-1]):
            (folder / "trees-1.bin").write_bytes(garbage)
            reseal(folder)
            refused(folder, "holds no sound model .the trees cannot be read: they")


def reseal(folder: Path) -> None:
    """Seal a bundle anew, as whoever may write its folder can."""

    def change(content: dict[str, Any]) -> None:
        files = content["files"]
        if isinstance(files, dict):
            for name in files:
                if files[name] != 7 and "/" not in name and "\0" not in name:
                    path = folder / name
                    small = path.is_file() and path.stat().st_size < 10**6
                    files[name] = digest_of(path) if small else files[name]
        content["seal"] = seal_of(content)

    edit_manifest(folder, change)


class TestInstalling:
    def test_moved_in_one_step(self, tmp_path: Path) -> None:
        made = write(tmp_path / "made")
        path = install_bundle(made, tmp_path / "models", "3")
        assert path == tmp_path / "models" / "versions" / "3"
        assert read_bundle(path).version == "3"
        assert [p.name for p in path.parent.iterdir()] == ["3"]  # nothing half-made is left
        assert stat.S_IMODE(path.stat().st_mode) == 0o755

    def test_an_existing_version_is_never_overwritten(self, tmp_path: Path) -> None:
        install_bundle(write(tmp_path / "made"), tmp_path, "3")
        with pytest.raises(ModelError, match="exists already: move it away"):
            install_bundle(tmp_path / "made", tmp_path, "3")
        assert versions(tmp_path) == ["3"]

    def test_a_failure_leaves_nothing(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError):
            install_bundle(tmp_path / "no such folder", tmp_path, "3")
        assert list((tmp_path / "versions").iterdir()) == []

    def test_versions_oldest_first(self, tmp_path: Path) -> None:
        assert versions(tmp_path) == []
        for name in ("10", "9", "1", ".new-x", "notes"):
            (tmp_path / "versions" / name).mkdir(parents=True)
        assert versions(tmp_path) == ["1", "9", "10"]


class TestAliases:
    @pytest.fixture
    def models(self, tmp_path: Path) -> Path:
        for version in ("1", "2"):
            (tmp_path / "versions" / version).mkdir(parents=True)
        return tmp_path

    def test_none_yet(self, models: Path) -> None:
        assert read_aliases(models) == {}

    def test_as_the_service_reads_them(self, models: Path) -> None:
        write_alias(models, "champion", "1")
        write_alias(models, "challenger", "2")
        assert json.loads((models / "aliases.json").read_text()) == {
            "champion": {"version": "1", "bundle": "versions/1"},
            "challenger": {"version": "2", "bundle": "versions/2"},
        }
        assert champion_bundle(models) == models / "versions" / "1"
        assert champion_bundle(models, "challenger") == models / "versions" / "2"
        assert champion_bundle(models, "2") == models / "versions" / "2"

    def test_a_version_holds_one_alias(self, models: Path) -> None:
        write_alias(models, "champion", "1")
        write_alias(models, "challenger", "2")
        write_alias(models, "champion", "2")
        champion = {"version": "2", "bundle": "versions/2", "previous": "1"}
        assert read_aliases(models) == {"champion": champion}

    def test_the_champion_before_is_remembered(self, models: Path) -> None:
        assert previous_champion(models) is None
        write_alias(models, "champion", "1")
        assert previous_champion(models) is None
        with pytest.raises(ModelError, match=r"no model 'previous' in .*: there are champion"):
            champion_bundle(models, "previous")
        write_alias(models, "champion", "2")
        write_alias(models, "champion", "2")  # the same again forgets nothing
        assert previous_champion(models) == "1"
        assert champion_bundle(models, "previous").name == "1"
        write_alias(models, "champion", "1")
        assert previous_champion(models) == "2"

    def test_written_in_one_step_and_readable(self, models: Path) -> None:
        write_alias(models, "champion", "1")
        before = (models / "aliases.json").stat()
        write_alias(models, "champion", "2")
        after = (models / "aliases.json").stat()
        assert after.st_ino != before.st_ino  # a new file took its place: no reader saw a half
        assert stat.S_IMODE(after.st_mode) == 0o644
        assert sorted(p.name for p in models.iterdir()) == ["aliases.json", "versions"]

    def test_an_alias_never_leaves_the_models_folder(self, models: Path) -> None:
        content = {"champion": {"version": "1", "bundle": "../../etc"}}
        (models / "aliases.json").write_text(json.dumps(content))
        assert champion_bundle(models) == models / "versions" / "etc"
        with pytest.raises(ModelError, match=r"no model '\.\./1'"):
            champion_bundle(models, "../1")

    def test_unknown_names_what_there_is(self, models: Path) -> None:
        write_alias(models, "champion", "1")
        with pytest.raises(
            ModelError, match=r"no model '7' in .*: there are champion \(version 1\)"
        ):
            champion_bundle(models, "7")

    def test_nothing_trained_yet(self, tmp_path: Path) -> None:
        with pytest.raises(ModelError, match="train one with `leadml train LEADS`"):
            champion_bundle(tmp_path)

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ('{"champion": {"version": "1"', "aliases.json cannot be read as JSON"),
            ("[]", "aliases.json does not hold a JSON object"),
            ('{"champion": "1"}', "champion must name a version and its bundle, found '1'"),
            ('{"champion": {"version": "1"}}', "champion must name a version and its bundle"),
        ],
    )
    def test_a_damaged_file_is_refused_in_one_line(
        self, models: Path, text: str, message: str
    ) -> None:
        (models / "aliases.json").write_text(text)
        with pytest.raises(ModelError, match=message) as refusal:
            champion_bundle(models)
        assert "\n" not in str(refusal.value)


TEXTS = st.text(min_size=1, max_size=8)
SCALARS = st.one_of(TEXTS, st.integers(-5, 5), st.booleans(), st.floats(-9, 9))
MAYBE = st.one_of(st.none(), TEXTS)
POSITIVE = st.floats(0.1, 1000)
RULES = st.one_of(
    st.builds(
        Rule,
        name=st.uuids().map(str),
        points=st.floats(-99, 99),
        group=st.sampled_from(["fit", "behaviour", "page", "value"]),
        column=TEXTS,
        one_of=st.lists(SCALARS, min_size=1, max_size=3).map(tuple),
    ),
    st.builds(
        Rule,
        name=st.uuids().map(str),
        points=POSITIVE,
        activity=TEXTS,
        detail=MAYBE,
        within_days=st.one_of(st.none(), POSITIVE),
        per=st.sampled_from(["each", "once"]),
        max_points=st.one_of(st.none(), POSITIVE),
        half_life_days=st.one_of(st.none(), POSITIVE),
    ),
    st.builds(
        Rule,
        name=st.uuids().map(str),
        points=POSITIVE,
        column=TEXTS,
        between=st.tuples(st.floats(-9, 0), st.floats(0, 9)),
    ),
)
DEFINITIONS = st.builds(
    Definition,
    leads=st.builds(
        LeadMapping,
        id=MAYBE,
        outcome=MAYBE,
        won=st.lists(SCALARS, max_size=3).map(tuple),
        lost=st.one_of(st.none(), st.lists(SCALARS, max_size=3).map(tuple)),
        created_at=MAYBE,
        date_format=MAYBE,
        ignore=st.lists(TEXTS, max_size=3).map(tuple),
        missing=st.lists(TEXTS, max_size=3).map(tuple),
    ),
    activities=st.builds(ActivityMapping, lead=TEXTS, detail=MAYBE),
    agreement=st.builds(
        Agreement,
        version=TEXTS,
        effective_from=st.one_of(st.none(), st.dates()),
        signed_by=st.lists(TEXTS, max_size=3).map(tuple),
        close_rate=st.floats(0.01, 0.99),
        counts=st.sampled_from(["followed_up", "handed_off"]),
    ),
    points=st.builds(
        PointsTable,
        threshold=st.floats(-99, 99),
        rules=st.lists(RULES, max_size=4).map(tuple),
        caps=st.dictionaries(st.sampled_from(["fit", "total"]), POSITIVE),
        buckets=st.dictionaries(TEXTS, st.floats(-99, 99), max_size=3),
    ),
)


@settings(max_examples=100)
@given(DEFINITIONS)
def test_a_definition_survives_json(definition: Definition) -> None:
    text = json.dumps(definition.to_dict(), allow_nan=False)
    again = Definition.from_dict(json.loads(text))
    assert again == definition
    assert repr(again) == repr(definition)  # True is not 1, tuples are not lists
    assert again.agreement.hash() == definition.agreement.hash()
