"""The mapping knows its columns by role."""

from leadml.domain.mapping import ActivityMapping, LeadMapping

FULL = LeadMapping(
    id="id",
    outcome="stage",
    created_at="created",
    handed_off_at="handed",
    followed_up_at="touched",
    closed_at="closed",
    account="company",
    owner="rep",
    source="origin",
    industry="branch",
    amount="amount",
    margin="margin",
    points="score",
    ignore=("note",),
)


def test_nothing_is_mapped_by_default() -> None:
    plain = LeadMapping()
    assert (plain.times, plain.named_columns, plain.never_features) == ({}, {}, frozenset())
    assert (plain.timezone, plain.missing) == ("UTC", ("Select", "n/a"))


def test_times_by_role() -> None:
    assert FULL.times == {
        "created_at": "created",
        "handed_off_at": "handed",
        "followed_up_at": "touched",
        "closed_at": "closed",
    }


def test_named_columns() -> None:
    assert FULL.named_columns == {
        "id": "id",
        "outcome": "stage",
        "account": "company",
        "owner": "rep",
        "source": "origin",
        "industry": "branch",
        "amount": "amount",
        "margin": "margin",
        "points": "score",
        "created_at": "created",
        "handed_off_at": "handed",
        "followed_up_at": "touched",
        "closed_at": "closed",
    }
    assert LeadMapping(margin_amount="profit").named_columns == {"margin_amount": "profit"}


def test_what_no_model_may_see() -> None:
    times = {"created", "handed", "touched", "closed"}
    roles = {"id", "stage", "rep", "amount", "margin", "score", "note"}
    assert FULL.never_features == times | roles  # company and origin may be features
    assert LeadMapping(margin_amount="profit").never_features == {"profit"}


def test_what_became_of_a_hand_off_is_known_by_role() -> None:
    mapping = LeadMapping(
        qualified_at="q",
        accepted_at="a",
        rejected_at="r",
        outcome_recorded_at="w",
        rejection_reason="why",
        segment="s",
        account_size="n",
        probability="p",
        band="b",
    )
    times = {"qualified_at": "q", "accepted_at": "a", "rejected_at": "r"}
    assert mapping.times == times | {"outcome_recorded_at": "w"}
    others = {"rejection_reason": "why", "probability": "p", "band": "b"}
    size = {"segment": "s", "account_size": "n"}
    assert mapping.named_columns == mapping.times | others | size
    assert mapping.never_features == {"q", "a", "r", "w", "why", "p", "b"}  # s and n are features


def test_activity_columns_by_default() -> None:
    names = ActivityMapping()
    assert (names.lead, names.at, names.kind, names.detail) == (
        "lead_id",
        "timestamp",
        "event",
        "url",
    )
