"""A bundle: one trained version as a folder of plain data, verified before it is read.

::

    versions/3/
      manifest.json     sha256 of every file, versions, data window, agreement, threshold, metrics
      model.json        features, scorecards, calibration
      trees-0.bin       a full model's trees (treelite), where there is one
      definition.json   mapping, agreement and points table it was trained under
      trained_on.npy    hashes of the ids of the leads it learnt from
      eventually.json   the chance of a win after the horizon
      peers.json        of the training leads, how many closed by each feature's ranges
      value.json        the margin expected of a lead, and how it ranks among the training leads
      reference.json    how features and scores were spread then, as counts in bins
      pipeline.joblib   the fitted scikit-learn objects, for analysts; serving never reads it
      training.html     the page of the run, and training.json with its numbers; not sealed
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from leadml.domain.definition import Definition
from leadml.errors import ModelError
from leadml.model.eventually import Eventually
from leadml.model.peers import Peers
from leadml.model.reference import Reference
from leadml.model.scorecard import Machine, Scorecard
from leadml.model.sealed_files import (
    FORMAT,
    MANIFEST,
    SealedFiles,
    digest_of,
    open_sealed,
    read_json,
    seal_of,
)
from leadml.model.soundness import (
    UnsoundError,
    check_eventually,
    check_features,
    check_machine,
    check_peers,
    check_value,
)
from leadml.model.trees import Trees
from leadml.model.trend import Trend
from leadml.model.value import Value
from leadml.snapshot.features import Feature, FeatureSet

T = TypeVar("T")
ALIASES = "aliases.json"
VERSIONS = "versions"
TRAINED_ON = "trained_on.npy"
REFERENCE = "reference.json"
EVENTUALLY = "eventually.json"
PEERS = "peers.json"
VALUE = "value.json"


@dataclass(frozen=True)
class Bundle:
    """A bundle read and verified.

    Attributes
    ----------
    path : Path
        The folder.
    manifest : dict
        What is known of the version: threshold, bands, metrics, data window …
    definition : Definition
        What it was trained under.
    features : FeatureSet
        How raw values become numbers.
    machine : Machine
        The model.
    eventually : Eventually or None
        The chance of a win after the horizon; None in bundles that do not hold it.
    value : Value or None
        Expected margin and priority; None in bundles that do not hold them.
    """

    path: Path
    manifest: Mapping[str, Any]
    definition: Definition
    features: FeatureSet
    machine: Machine
    eventually: Eventually | None = None
    value: Value | None = None

    @property
    def version(self) -> str:
        """The registered version: the folder's name."""
        return self.path.name

    @cached_property
    def _files(self) -> SealedFiles:
        return SealedFiles(self.path, self.manifest)

    @cached_property
    def trained_hashes(self) -> NDArray[np.uint64]:
        """Sorted hashes of the ids of the leads the model learnt from."""
        return self._files.hashes(TRAINED_ON)

    def trained_on(self, lead_ids: Iterable[str]) -> NDArray[np.bool_]:
        """Tell which leads the model learnt from, shape (leads,)."""
        return np.isin(id_hashes(lead_ids), self.trained_hashes)

    @cached_property
    def reference(self) -> Reference | None:
        """How the training leads were spread; None in bundles that do not hold it."""
        return _part(self._files, REFERENCE, Reference.from_dict)

    @cached_property
    def peers(self) -> Peers | None:
        """The training leads by each feature; None in bundles that do not hold them."""
        width = len(self.features.features)
        return _part(self._files, PEERS, Peers.from_dict, lambda part: check_peers(part, width))


def id_hashes(lead_ids: Iterable[str]) -> NDArray[np.uint64]:
    """Return the first 64 bits of the sha256 of every id."""
    digests = b"".join(hashlib.sha256(i.encode("utf-8", "replace")).digest()[:8] for i in lead_ids)
    return np.frombuffer(digests, dtype=np.uint64)


def write_bundle(
    folder: Path,
    *,
    manifest: Mapping[str, Any],
    definition: Definition,
    features: FeatureSet,
    machine: Machine,
    trained_on: Iterable[str],
    trained_before: NDArray[np.uint64] | None = None,
    reference: Reference | None = None,
    eventually: Eventually | None = None,
    peers: Peers | None = None,
    value: Value | None = None,
) -> None:
    """Write the data files and the manifest that seals them into an existing empty folder.

    `trained_before` are hashes of further leads it learnt from.
    """
    trees = [tree for _, tree in machine.trees]
    for number, tree in enumerate(trees):
        (folder / f"trees-{number}.bin").write_bytes(tree.content)
    _write_json(folder / "model.json", _model_to_dict(features, machine))
    _write_json(folder / "definition.json", definition.to_dict())
    hashes = id_hashes(trained_on)
    earlier = hashes[:0] if trained_before is None else trained_before
    np.save(folder / TRAINED_ON, np.sort(np.concatenate([earlier, hashes])))
    if reference is not None:
        _write_json(folder / REFERENCE, reference.to_dict())
    if eventually is not None:
        _write_json(folder / EVENTUALLY, eventually.to_dict())
    if peers is not None:
        _write_json(folder / PEERS, peers.to_dict())
    if value is not None:
        _write_json(folder / VALUE, value.to_dict())
    sealed = {path.name: digest_of(path) for path in sorted(folder.iterdir())}
    content = {"format": FORMAT, "files": sealed, **manifest}
    _write_json(folder / MANIFEST, content | {"seal": seal_of(content)})


def read_bundle(folder: Path) -> Bundle:
    """Verify and read a bundle.

    Raises
    ------
    ModelError
        If a file is missing, was changed since it was sealed, or has a newer format; and where what
        was sealed is no model that can score.
    """
    files = open_sealed(folder)
    model, definition = files.json("model.json"), files.json("definition.json")
    files.verify(files.names)
    with _sound(folder / "definition.json"):
        defined = Definition.from_dict(definition)
    with _sound(folder / "model.json"):
        features, machine = _model_from_dict(model, files)
        check_features(features.features)
        width = len(features.features)
        check_machine(machine, width)
    return Bundle(
        folder,
        files.manifest,
        defined,
        features,
        machine,
        _part(files, EVENTUALLY, Eventually.from_dict, lambda part: check_eventually(part, width)),
        _part(files, VALUE, Value.from_dict, lambda part: check_value(part, width)),
    )


def _part(
    files: SealedFiles,
    name: str,
    read: Callable[[Any], T],
    check: Callable[[T], object] | None = None,
) -> T | None:
    """Read a file that a bundle may hold, and refuse what makes no sense; None without it."""
    if name not in files.names:
        return None
    values = files.json(name)
    with _sound(files.folder / name):
        part = read(values)
        if check is not None:
            check(part)
    return part


@contextmanager
def _sound(path: Path) -> Iterator[None]:
    """Refuse what is sealed and yet no model: whoever may write the folder may seal it anew."""
    try:
        yield
    except ModelError:
        raise
    except Exception as fault:
        why = str(fault) if isinstance(fault, UnsoundError) else type(fault).__name__
        msg = f"{path} is sealed, but holds no sound model ({why}): restore it or train again"
        raise ModelError(msg) from fault


def _model_to_dict(features: FeatureSet, machine: Machine) -> dict[str, Any]:
    return {
        "features": [feature.to_dict() for feature in features.features],
        "missing": sorted(features.missing),
        "timezone": features.timezone,
        "date_format": features.date_format,
        "decimal": features.decimal,
        "crowds": sorted(features.crowds),
        "cards": [[weight, card.to_dict()] for weight, card in machine.cards],
        "trees": [
            {
                "weight": weight,
                "file": f"trees-{number}.bin",
                "inputs": list(tree.inputs),
                "features": list(tree.features),
            }
            for number, (weight, tree) in enumerate(machine.trees)
        ],
        "slope": machine.slope,
        "intercept": machine.intercept,
        "center": list(machine.center),
        "trend": None if machine.trend is None else machine.trend.to_dict(),
    }


def _model_from_dict(values: Mapping[str, Any], files: SealedFiles) -> tuple[FeatureSet, Machine]:
    features = FeatureSet(
        tuple(Feature.from_dict(feature) for feature in values["features"]),
        frozenset(values["missing"]),
        values["timezone"],
        values["date_format"],
        values.get("decimal", "."),
        frozenset(values.get("crowds", ())),
    )
    machine = Machine(
        cards=tuple((weight, Scorecard.from_dict(card)) for weight, card in values["cards"]),
        trees=tuple((tree["weight"], _trees(tree, files)) for tree in values["trees"]),
        slope=values["slope"],
        intercept=values["intercept"],
        center=tuple(values["center"]),
        trend=Trend.from_dict(values["trend"]) if values.get("trend") else None,
    )
    return features, machine


def _trees(values: Mapping[str, Any], files: SealedFiles) -> Trees:
    content = files.content(values["file"])
    return Trees(content, tuple(values["inputs"]), tuple(values["features"]))


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, allow_nan=False, indent=1), "utf-8")


def install_bundle(made: Path, models: Path, version: str) -> Path:
    """Move a finished bundle folder to ``models/versions/VERSION`` in one step."""
    target = models / VERSIONS / version
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists():
        msg = f"{target} exists already: move it away, it belongs to another registry"
        raise ModelError(msg)
    staged = Path(tempfile.mkdtemp(dir=target.parent, prefix=".new-"))
    try:
        shutil.copytree(made, staged, dirs_exist_ok=True)
        staged.chmod(0o755)
        staged.rename(target)
    except BaseException:
        shutil.rmtree(staged, ignore_errors=True)
        raise
    return target


_NAME_ONE = "name the champion with `leadml promote VERSION`"


def read_aliases(models: Path) -> dict[str, dict[str, str]]:
    """Return alias -> ``{"version", "bundle"}``; empty where nothing was promoted yet.

    The champion also names its predecessor, ``"previous"``, where it had one.
    """
    path = models / ALIASES
    aliases = (
        read_json(path, hint=_NAME_ONE, advice=f"restore it, or delete it and {_NAME_ONE}")
        if path.exists()
        else {}
    )
    for alias, of in aliases.items():
        if not isinstance(of, dict) or not {"version", "bundle"} <= of.keys():
            msg = (
                f"{path}: {alias} must name a version and its bundle, found {of!r:.60}: restore "
                f"it, or delete it and {_NAME_ONE}"
            )
            raise ModelError(msg)
    return aliases


def write_alias(models: Path, alias: str, version: str) -> None:
    """Point an alias at a version; a version holds one alias at most. Written atomically."""
    before = read_aliases(models)
    aliases = {k: v for k, v in before.items() if v["version"] != version}
    aliases[alias] = {"version": version, "bundle": f"{VERSIONS}/{version}"}
    previous = _previous(before, version) if alias == "champion" else None
    if previous:
        aliases[alias]["previous"] = previous
    models.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=models, prefix=".aliases-")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(aliases, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    Path(name).chmod(0o644)
    Path(name).replace(models / ALIASES)


def _previous(aliases: Mapping[str, Mapping[str, str]], version: str) -> str | None:
    """Return the version that is champion before another becomes it."""
    present = aliases.get("champion", {})
    same = present.get("version") == version
    return present.get("previous" if same else "version")


def previous_champion(models: Path) -> str | None:
    """Return the version that was champion before the present one; None where none was."""
    return read_aliases(models).get("champion", {}).get("previous")


def champion_bundle(models: Path, which: str = "champion") -> Path:
    """Return the folder of an alias (``champion``, ``challenger``) or of a version number.

    ``previous`` is the version that was champion before the present one.

    Raises
    ------
    ModelError
        If there is no such alias or version.
    """
    aliases = read_aliases(models)
    if which in aliases:
        return models / VERSIONS / Path(aliases[which]["bundle"]).name
    known = versions(models)
    if which == "previous":
        which = previous_champion(models) or which
    if which in known:
        return models / VERSIONS / which
    if not known:
        msg = f"no model in {models}: train one with `leadml train LEADS`"
        raise ModelError(msg)
    named = ", ".join([*(f"{a} (version {v['version']})" for a, v in aliases.items()), *known])
    msg = f"no model {which!r} in {models}: there are {named}"
    raise ModelError(msg)


def versions(models: Path) -> list[str]:
    """Return the versions with a bundle, oldest first."""
    folder = models / VERSIONS
    if not folder.is_dir():
        return []
    names = [path.name for path in folder.iterdir() if path.name.isdigit()]
    return sorted(names, key=int)
