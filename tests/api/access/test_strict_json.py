"""Bodies are JSON as the standard has it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadml.api.access.strict_json import _UNSURE, _quickly, _slowly, strict_json

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.integers()
    | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(PLAIN)
def test_what_json_writes_is_read_back(value: object) -> None:
    assert strict_json(json.dumps(value).encode()) == value


@given(value=PLAIN, escaped=st.booleans())
def test_both_ways_of_reading_give_the_same(value: object, *, escaped: bool) -> None:
    body = json.dumps(value, ensure_ascii=escaped).encode()
    quick, slow = _quickly(body), _slowly(body)
    assert quick is _UNSURE or repr(quick) == repr(slow)


BODY = b'{"lead": {"a": 1, "b": "x", "c": [1.5, null, "y"]}, "d": [{"a": true}]}'


@given(
    at=st.integers(0, len(BODY)),
    cut=st.integers(0, 5),
    put=st.sampled_from(BODY),
    keep=st.booleans(),
)
def test_neither_takes_what_the_other_refuses(at: int, cut: int, put: int, *, keep: bool) -> None:
    body = BODY[:at] + bytes([put] * keep) + BODY[at + cut :]
    quick = _quickly(body)
    try:
        slow = _slowly(body)
    except json.JSONDecodeError:
        assert quick is _UNSURE
    else:
        assert quick is _UNSURE or quick == slow


@pytest.mark.parametrize(
    "body", [BODY, b"[" * 10 + b"1" + b"]" * 10, b"[9223372036854775807, -2.5e10]", b'""']
)
def test_usual_bodies_are_read_quickly(body: bytes) -> None:
    assert _quickly(body) == json.loads(body)


@pytest.mark.parametrize(
    "body", [b"[18446744073709551616]", b"[-9223372036854775809]", b"[1e30]", rb'["\n"]']
)
def test_what_may_be_read_otherwise_is_read_slowly(body: bytes) -> None:
    assert _quickly(body) is _UNSURE
    assert repr(strict_json(body)) == repr(json.loads(body))


def test_a_byte_order_mark_and_escaped_pairs_are_fine() -> None:
    assert strict_json(b'\xef\xbb\xbf"a"') == "a"
    assert strict_json(rb'"\ud83d\ude00"') == "\U0001f600"


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b'{"a": NaN}', "NaN is not JSON; leave the field out or send null"),
        (b"[-Infinity]", "-Infinity is not JSON"),
        (b"[1e999]", "a number is too large"),
        (b"[" + b"9" * 301 + b"]", "a number is too large"),
        (b'{"a": 1, "b": 2, "a": 1}', "names one member twice"),
        (rb'["\ud800"]', "half a surrogate pair"),
        (rb'{"\uDFFF": 1}', "half a surrogate pair"),
        (b"[" * 11 + b"]" * 11, "nested deeper than 10 levels"),
        (b'{"a":' * 11 + b"1" + b"}" * 11, "nested deeper than 10 levels"),
        (b"[" * 100_000, "nested deeper than 10 levels"),
        (b'["\xff"]', "not UTF-8"),
        ('"a"'.encode("utf-16"), "not UTF-8"),
        (b"", "Expecting value"),
        (b"{'a': 1}", "Expecting property name"),
        (b"[1] [2]", "Extra data"),
    ],
)
def test_what_is_not_json_is_refused(body: bytes, why: str) -> None:
    with pytest.raises(json.JSONDecodeError, match=why):
        strict_json(body)


def test_ten_levels_are_deep_enough() -> None:
    assert strict_json(b"[" * 10 + b"1" + b"]" * 10)[0][0][0]
    assert len(str(strict_json(b"9" * 300))) == 300
