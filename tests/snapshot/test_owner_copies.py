"""Columns that say no more than who has the lead."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

from leadml.data.leads import Leads, read_leads
from leadml.data.tables import table_of
from leadml.domain.mapping import LeadMapping
from leadml.snapshot.catalogue import choose_features
from leadml.snapshot.owner_copies import names_a_person, same_as_owner

OWNERS = ["Ann", "Bob", "Cem", "Dee"] * 15
MAPPING = LeadMapping(id="id", owner="rep")


def leads_of(mapping: LeadMapping = MAPPING, **columns: Sequence[object]) -> Leads:
    frame = pd.DataFrame({"id": [f"L{n}" for n in range(60)], "rep": OWNERS, **columns})
    return read_leads(table_of(frame, "leads.csv"), mapping, required={"id"})


def same(**columns: Sequence[object]) -> list[str]:
    return same_as_owner(leads_of(**columns), np.arange(60), columns)


def test_one_value_for_each_owner_and_one_owner_for_each_value() -> None:
    number = [{"Ann": 7, "Bob": 3, "Cem": 9, "Dee": 1}[name] for name in OWNERS]
    team = ["North" if name in {"Ann", "Bob"} else "South" for name in OWNERS]
    finer = [f"{name}{n // 30}" for n, name in enumerate(OWNERS)]
    assert same(owner_id=number, team=team, desk=finer) == ["owner_id"]
    assert same_as_owner(leads_of(), np.arange(60), ["rep"]) == []


def test_a_few_gaps_do_not_hide_it_and_many_prevent_it() -> None:
    gappy = [None if n < 3 else name.upper() for n, name in enumerate(OWNERS)]  # 57 of 60: 95 %
    assert same(code=gappy) == ["code"]
    assert same(code=[None, *gappy[:3], *gappy[4:]]) == []


def test_two_owners_agree_by_chance() -> None:
    two = read_leads(
        table_of(pd.DataFrame({"id": list("abcd"), "rep": list("xyxy"), "k": [1, 2, 1, 2]}), "f"),
        MAPPING,
        required={"id"},
    )
    assert same_as_owner(two, np.arange(4), ["k"]) == []


@pytest.mark.parametrize("name", ["Owner ID", "rep_email", "assigned to", "Sales person", "agent"])
def test_headers_that_name_a_person(name: str) -> None:
    assert names_a_person(name)


@pytest.mark.parametrize("name", ["region", "report type", "prepaid", "team", "country"])
def test_headers_that_do_not(name: str) -> None:
    assert not names_a_person(name)


def test_the_owner_under_another_name_is_no_feature_unless_kept() -> None:
    copy, region = [name.lower() for name in OWNERS], [f"R{name}" for name in OWNERS]
    for keep, columns in (((), ["region"]), (("rep_id",), ["rep_id", "region"])):
        leads = leads_of(LeadMapping(id="id", owner="rep", keep=keep), rep_id=copy, region=region)
        undated = np.full(60, np.iinfo(np.int64).min)
        found = choose_features(leads, np.arange(60), as_of=undated, log=None)
        assert [f.column for f in found.features.features] == columns
        codes = {item.column: item.code for item in found.excluded}
        assert codes.get("rep_id") == (None if keep else "ROLE003")
