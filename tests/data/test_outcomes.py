import numpy as np
import pytest

from leadml.data.outcomes import read_outcomes
from leadml.data.raw import RawColumn
from leadml.data.values import missing_texts
from leadml.domain.finding import Finding
from leadml.domain.mapping import LeadMapping, Scalar
from leadml.errors import DataError

GAPS = missing_texts(("Select",))


def outcomes(
    values: list[object],
    won: tuple[Scalar, ...],
    lost: tuple[Scalar, ...] | None = None,
    *,
    strict: bool = True,
) -> tuple[list[int], dict[str, Finding]]:
    mapping = LeadMapping(outcome="stage", won=won, lost=lost)
    read = read_outcomes(RawColumn.of(values), mapping, "crm.csv", GAPS, strict=strict)
    assert read.outcome.dtype == np.int8
    return read.outcome.tolist(), {finding.code: finding for finding in read.findings}


def test_won_lost_and_open() -> None:
    read, found = outcomes(["Won", "Lost", "New", "New", "Qualified"], ("Won",), ("Lost",))
    assert read == [1, 0, -1, -1, -1]
    assert set(found) == {"DATA021"}
    assert found["DATA021"].count == 3
    assert "New (2), Qualified (1)" in found["DATA021"].message


@pytest.mark.parametrize("won", [1, 1.0, "1", "1.0"])
def test_numbers_however_written(won: Scalar) -> None:
    assert outcomes(["1", "0", "1.0"], (won,))[0] == [1, 0, 1]


@pytest.mark.parametrize("values", [[True, False], ["TRUE", "false"]])
def test_booleans(values: list[object]) -> None:
    assert outcomes(values, (True,))[0] == [1, 0]


def test_lost_may_be_left_out_for_two_values() -> None:
    read, found = outcomes(["yes", "no", "no", ""], ("yes",))
    assert read == [1, 0, 0, -1]
    assert found["DATA020"].count == 1


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["a", "b", "b", "c"], r"exactly two values; found 3: b \(2\), a \(1\), c \(1\); list the"),
        (["a", "a"], r"exactly two values; found 1: a \(2\)"),
    ],
)
def test_lost_may_not_be_left_out_otherwise(values: list[object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        outcomes(values, ("a",))


def test_missing_outcomes_are_open_and_said() -> None:
    read, found = outcomes(["Won", None, "Select", " ", "Lost"], ("Won",), ("Lost",))
    assert read == [1, -1, -1, -1, 0]
    assert found["DATA020"].count == 3
    assert found["DATA020"].severity == "warning"
    assert "'Select'" in found["DATA020"].message


def test_a_won_value_that_never_occurs_lists_what_does() -> None:
    message = (
        r"no lead is won: 'Closed won' never occurs \(did you mean 'Closed Won'\?\); the column "
        r"holds Open \(2\), Closed Won \(1\); correct \[leads\].won"
    )
    with pytest.raises(DataError, match=message):
        outcomes(["Open", "Closed Won", "Open"], ("Closed won",), ("Lost",))


def test_an_empty_outcome_column() -> None:
    with pytest.raises(DataError, match="the column holds no values at all"):
        outcomes([None, ""], ("Won",))


def test_no_won_values_given() -> None:
    with pytest.raises(DataError, match=r"\[leads\].won is not set; the column holds a \(1\)"):
        outcomes(["a"], ())


def test_won_and_lost_at_once() -> None:
    with pytest.raises(DataError, match="'1' is listed as won and as lost"):
        outcomes(["1", "0"], (1,), ("1",))


def test_lists_are_no_outcomes() -> None:
    with pytest.raises(DataError, match=r"crm.csv, column stage: expected a text, found \['a'\]"):
        outcomes([["a"]], ("a",))


def test_one_listed_value_may_be_absent() -> None:
    read, found = outcomes(["Won", "Lost"], ("Won", "Renewed"), ("Lost", "lst"))
    assert read == [1, 0]
    assert found["DATA023"].examples == ("lst",)  # the last of two such findings
    assert "did you mean 'Lost'?" in found["DATA023"].message


def test_nearly_the_same_spelling_is_said() -> None:
    read, found = outcomes(["Closed Won", "closed  won", "Lost"], ("Closed Won",), ("Lost",))
    assert read == [1, -1, 0]
    assert found["DATA022"].count == 1
    assert "'closed  won' counts as open" in found["DATA022"].message


def test_values_no_row_holds_do_not_count() -> None:
    raw = RawColumn(["Won", "Lost", "New"], np.array([0, 1, -1]))
    mapping = LeadMapping(outcome="stage", won=("Won",))
    read = read_outcomes(raw, mapping, "crm.csv", GAPS, strict=True)
    assert read.outcome.tolist() == [1, 0, -1]  # two values occur, so Lost is the other
    assert [finding.code for finding in read.findings] == ["DATA020"]


def test_where_the_outcome_is_not_needed_nothing_is_refused() -> None:
    assert outcomes(["New", "Open", "Old"], ("Won",), strict=False) == ([-1, -1, -1], {})
    assert outcomes([["x"]], ("Won",), strict=False)[0] == [-1]


def test_nobody_won_matters_only_to_those_who_learn() -> None:
    raw = RawColumn.of(["Lost", "Lost", "New"])
    mapping = LeadMapping(outcome="stage", won=("Won",), lost=("Lost",))
    read = read_outcomes(raw, mapping, "crm.csv", GAPS, strict=True, some_won=False)
    assert read.outcome.tolist() == [0, 0, -1]
    assert {finding.code for finding in read.findings} == {"DATA021", "DATA023"}
    only_lost = LeadMapping(outcome="stage", won=("Won",))
    alone = RawColumn.of(["Lost", "Lost"])
    read = read_outcomes(alone, only_lost, "crm.csv", GAPS, strict=True, some_won=False)
    assert read.outcome.tolist() == [0, 0]  # the only other value
