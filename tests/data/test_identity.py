import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadml.data.identity import changing_columns, content_id, content_number
from leadml.data.values import missing_texts
from leadml.domain.mapping import LeadMapping

MAPPING = LeadMapping(
    outcome="stage", closed_at="closed", owner="rep", amount="amount", created_at="created"
)
GAPS = missing_texts(MAPPING.missing)
LEAD = {"company": "Acme", "size": 50, "created": "2024-01-01"}


def test_it_is_known_in_advance() -> None:
    # First 8 bytes of `printf 'company\x1fAcme' | sha256sum`.
    assert content_id({"company": "Acme"}, MAPPING, GAPS) == "1ff41c41335615f5-0"


def test_a_lead_keeps_its_id_when_it_closes() -> None:
    closed = {**LEAD, "stage": "Won", "closed": "2024-02-01", "rep": "Ann", "amount": 9}
    assert content_id(closed, MAPPING, GAPS) == content_id(LEAD, MAPPING, GAPS)
    assert changing_columns(MAPPING) == {"stage", "closed", "rep", "amount"}


@pytest.mark.parametrize("size", ["50", "50.0", "50.00", 50.0, " 50 "])
def test_spelling_does_not_matter(size: object) -> None:
    assert content_id({**LEAD, "size": size}, MAPPING, GAPS) == content_id(LEAD, MAPPING, GAPS)


def test_decimals_do_not_matter() -> None:
    assert content_number("price", "5.10", GAPS) == content_number("price", 5.1, GAPS)
    assert content_number("price", "510e-2", GAPS) == content_number("price", "5.1", GAPS)


def test_many_columns_still_make_sixteen_digits() -> None:
    lead = {f"c{n}": "x" for n in range(40)}
    name = content_id(lead, MAPPING, GAPS)
    assert name is not None
    assert len(name) == 18
    total = sum(content_number(column, "x", GAPS) for column in lead)
    assert total > 2**64
    assert name == f"{total - total // 2**64 * 2**64:016x}-0"


def test_order_and_gaps_do_not_matter() -> None:
    other = dict(reversed(LEAD.items())) | {"note": None, "source": "Select", "city": " "}
    assert content_id(other, MAPPING, GAPS) == content_id(LEAD, MAPPING, GAPS)


def test_nothing_recorded_is_no_id() -> None:
    assert content_id({"stage": "Won", "note": ""}, MAPPING, GAPS) is None


def test_a_value_in_another_column_is_another_lead() -> None:
    assert content_id({"a": "x", "b": "y"}, MAPPING, GAPS) != content_id(
        {"a": "y", "b": "x"}, MAPPING, GAPS
    )


def test_long_digits_are_not_blurred() -> None:
    phone = "1234567890123456789"
    assert content_number("phone", phone, GAPS) != content_number("phone", phone[:-1] + "8", GAPS)


def test_a_list_still_counts() -> None:
    assert content_number("tags", ["a"], GAPS) != content_number("tags", ["b"], GAPS)


@given(st.text("abcß Ü\ud800", min_size=1), st.text("abcß Ü\ud800", min_size=1))
def test_different_texts_different_numbers(one: str, two: str) -> None:
    a, b = content_number("c", one, GAPS), content_number("c", two, GAPS)
    assert (a == b) == (one.strip() == two.strip())
    assert (a == 0) == (not one.strip())
