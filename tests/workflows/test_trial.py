"""Before a version serves it has scored."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from leadml.domain.definition import Definition
from leadml.domain.mapping import LeadMapping
from leadml.errors import ModelError
from leadml.model.bundle import Bundle
from leadml.model.scorecard import Machine, Scorecard, Steps
from leadml.snapshot.features import Feature, FeatureSet
from leadml.workflows.trial import tried

MANIFEST: dict[str, Any] = {
    "trained_at": "2026-01-01T00:00:00+00:00",
    "chosen": "logistic",
    "columns": ["id", "size"],
    "threshold": {"probability": 0.5, "basis": "guaranteed"},
    "bands": {"A": 0.6, "B": 0.3, "C": 0.1},
    "leads": 9,
    "won": 3,
    "data_window": {"from": None, "to": None, "as_of": None},
    "out_of_time": {"log_loss": 0.4, "auc": 0.7},
    "files": {},
}
BUNDLE = Bundle(
    Path("models/versions/1"),
    MANIFEST,
    Definition(leads=LeadMapping(id="id")),
    FeatureSet((Feature(name="size", kind="number", column="size"),), frozenset()),
    Machine(((1.0, Scorecard(-1.0, (Steps(0, (0.5,), (0.0, 1.0), 0.0),))),), center=(0.0,)),
)


def test_a_sound_version_passes() -> None:
    assert tried(BUNDLE).version == "1"


@pytest.mark.parametrize(
    ("bundle", "why"),
    [
        (
            replace(BUNDLE, manifest={k: v for k, v in MANIFEST.items() if k != "bands"}),
            "its manifest lacks bands",
        ),
        (replace(BUNDLE, manifest=MANIFEST | {"bands": {}}), "KeyError on a trial lead"),
        (replace(BUNDLE, manifest=MANIFEST | {"data_window": 7}), "its manifest lacks data_window"),
        (
            replace(BUNDLE, machine=replace(BUNDLE.machine, center=(0.0, 0.0))),
            r"[A-Z]\w+Error on a trial lead",
        ),
        (
            replace(BUNDLE, machine=replace(BUNDLE.machine, intercept=math.nan)),
            "the score of a lead of which nothing is known is no number",
        ),
        (  # only the lead with a size of 1 gets there
            replace(
                BUNDLE,
                machine=replace(
                    BUNDLE.machine,
                    cards=((1.0, Scorecard(0.0, (Steps(0, (0.5,), (0.0, math.nan), 0.0),))),),
                ),
            ),
            "the score of a trial lead is no number",
        ),
    ],
)
def test_what_cannot_score_is_refused(bundle: Bundle, why: str) -> None:
    with pytest.raises(ModelError, match=rf"^models/versions/1: the version cannot serve: {why}"):
        tried(bundle)


def test_what_is_told_of_it_can_be_told() -> None:
    agreement = replace(BUNDLE.definition.agreement)
    object.__setattr__(agreement, "signed_by", None)
    bundle = replace(BUNDLE, definition=replace(BUNDLE.definition, agreement=agreement))
    with pytest.raises(ModelError, match="the version cannot serve: TypeError on a trial lead"):
        tried(bundle)


def test_what_drift_is_held_against_is_read_before_it_serves() -> None:
    with pytest.raises(ModelError, match=r"reference\.json is missing: the bundle is incomplete"):
        tried(replace(BUNDLE, manifest=MANIFEST | {"files": {"reference.json": "0"}}))
