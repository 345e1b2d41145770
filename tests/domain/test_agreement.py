"""The agreement refuses what cannot be promised, and its hash names one definition."""

import hashlib
import json
from dataclasses import replace
from datetime import date

import pytest

from leadml.domain.agreement import Agreement


def test_the_defaults_are_those_of_the_file() -> None:
    assert Agreement().to_dict() == {
        "version": "1",
        "effective_from": None,
        "signed_by": [],
        "close_rate": 0.30,
        "confidence": 0.95,
        "horizon_days": 90.0,
        "follow_up_days": 14.0,
        "min_follow_up": 0.8,
        "min_margin": 0.0,
        "counts": "followed_up",
        "snapshot_days": 0.0,
        "censoring": "matured",
        "unit": "lead",
        "grace_days": 0.0,
    }


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("close_rate", 0.0, "a share above 0 and below 1, found 0.0"),
        ("close_rate", 1.0, "a share above 0 and below 1"),
        ("close_rate", 30.0, "a share above 0 and below 1, found 30.0"),
        ("confidence", 0.49, "at least 0.5 and below 1"),
        ("confidence", 1.0, "at least 0.5 and below 1"),
        ("horizon_days", 0.0, "above 0 days"),
        ("horizon_days", 36_501.0, "above 0 days"),
        ("follow_up_days", -1.0, "above 0 days"),
        ("min_follow_up", 1.01, "a share from 0 to 1"),
        ("min_follow_up", -0.01, "a share from 0 to 1"),
        ("min_margin", 15.0, "a fraction of the amount from -1 to 1, found 15.0"),
        ("snapshot_days", -0.1, "0 days or more"),
        ("grace_days", -0.1, "0 days or more"),
        ("close_rate", float("nan"), "found nan"),
    ],
)
def test_out_of_range_is_refused_by_name(name: str, value: float, expected: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must be .*{expected}"):
        Agreement(**{name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("confidence", 0.5),
        ("horizon_days", 36_500.0),
        ("min_follow_up", 0.0),
        ("min_follow_up", 1.0),
        ("min_margin", -1.0),
        ("snapshot_days", 0.0),
        ("horizon_days", 1 / 24),
    ],
)
def test_the_ends_of_the_ranges_are_taken(name: str, value: float) -> None:
    assert getattr(Agreement(**{name: value}), name) == value  # type: ignore[arg-type]


def test_json_ready() -> None:
    agreed = Agreement(effective_from=date(2026, 1, 31), signed_by=("Ann", "Bob"))
    values = json.loads(json.dumps(agreed.to_dict()))
    assert (values["effective_from"], values["signed_by"]) == ("2026-01-31", ["Ann", "Bob"])


@pytest.mark.parametrize(
    "change",
    [
        {"version": "2"},
        {"effective_from": date(2026, 1, 1)},
        {"signed_by": ("Ann",)},
        {"close_rate": 0.31},
        {"confidence": 0.9},
        {"horizon_days": 60.0},
        {"follow_up_days": 7.0},
        {"min_follow_up": 0.5},
        {"min_margin": 0.1},
        {"counts": "handed_off"},
        {"snapshot_days": 1.0},
        {"unit": "account"},
        {"grace_days": 7.0},
    ],
)
def test_every_word_of_it_changes_the_hash(change: dict[str, object]) -> None:
    assert Agreement().hash() == Agreement().hash()
    assert replace(Agreement(), **change).hash() != Agreement().hash()  # type: ignore[arg-type]


def test_the_hash_is_that_of_the_canonical_json() -> None:
    # written out by hand: sorted keys, no spaces
    text = (
        '{"close_rate":0.3,"confidence":0.95,"counts":"followed_up","effective_from":null,'
        '"follow_up_days":14.0,"horizon_days":90.0,"min_follow_up":0.8,"min_margin":0.0,'
        '"signed_by":[],"snapshot_days":0.0,"version":"1"}'
    )
    assert Agreement().hash() == hashlib.sha256(text.encode()).hexdigest()


def test_how_to_learn_is_no_part_of_what_was_signed() -> None:
    weighted = Agreement(censoring="ipcw")
    assert weighted.hash() == Agreement().hash()
    assert weighted != Agreement()
    assert weighted.to_dict()["censoring"] == "ipcw"


def test_an_agreement_from_before_units_and_grace_keeps_its_hash() -> None:
    assert Agreement(unit="lead", grace_days=0).hash() == Agreement().hash()
    # written out by hand: what is set is signed
    text = (
        '{"close_rate":0.3,"confidence":0.95,"counts":"followed_up","effective_from":null,'
        '"follow_up_days":14.0,"grace_days":7.0,"horizon_days":90.0,"min_follow_up":0.8,'
        '"min_margin":0.0,"signed_by":[],"snapshot_days":0.0,"unit":"account","version":"1"}'
    )
    agreed = Agreement(unit="account", grace_days=7.0)
    assert agreed.hash() == hashlib.sha256(text.encode()).hexdigest()
