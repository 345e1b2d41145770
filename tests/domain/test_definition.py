"""A definition as it travels inside a bundle."""

from datetime import date

from leadml.domain.agreement import Agreement
from leadml.domain.definition import Definition
from leadml.domain.handoff import HandoffPolicy
from leadml.domain.mapping import HistoryMapping, LeadMapping
from leadml.domain.points_table import PointsTable, Rule

RULE = Rule(name="big", points=5.0, column="size", at_least=50.0)


def test_points_are_rules_of_our_own_or_a_column_of_the_crms() -> None:
    assert not Definition().has_points
    assert Definition(points=PointsTable(rules=(RULE,))).has_points
    assert Definition(leads=LeadMapping(points="score")).has_points


def test_there_and_back() -> None:
    definition = Definition(
        leads=LeadMapping(id="id", won=("Won", True, 1), lost=None, ignore=("a", "b")),
        agreement=Agreement(effective_from=date(2026, 1, 1), signed_by=("Ann",)),
        points=PointsTable(rules=(RULE,), buckets={"A": 80.0}),
    )
    values = definition.to_dict()
    assert values["agreement"]["effective_from"] == "2026-01-01"
    assert values["points"]["rules"][0]["at_least"] == 50.0
    again = Definition.from_dict(values)
    assert again == definition
    assert isinstance(again.leads.won, tuple)
    assert again.leads.won[1] is True


def test_that_of_an_older_version_has_no_history() -> None:
    definition = Definition(history=HistoryMapping(lead="LeadId", old=None))
    values = definition.to_dict()
    assert Definition.from_dict(values) == definition
    del values["history"]
    assert Definition.from_dict(values) == Definition()


def test_that_of_an_older_version_hands_off_by_the_default_policy() -> None:
    definition = Definition(handoff=HandoffPolicy(policy="capacity", capacity=25.0, explore=0.02))
    values = definition.to_dict()
    assert Definition.from_dict(values) == definition
    del values["handoff"]
    assert Definition.from_dict(values) == Definition()


def test_reading_leaves_what_was_given_as_it_was() -> None:
    values = Definition(points=PointsTable(rules=(RULE,))).to_dict()
    before = repr(values)
    Definition.from_dict(values)
    assert repr(values) == before
