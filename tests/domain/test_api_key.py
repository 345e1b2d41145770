"""Names, scopes and limits of keys."""

from datetime import UTC, datetime

import pytest

from leadml.domain.api_key import (
    ApiKey,
    KeyDigest,
    RateLimit,
    key_name,
    rate_limit,
    scope_names,
)


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("50/s", RateLimit(50, 1)),
        ("3000/m", RateLimit(3000, 60)),
        ("9999999/h", RateLimit(9_999_999, 3600)),
    ],
)
def test_a_limit_is_a_number_a_second_minute_or_hour(text: str, limit: RateLimit) -> None:
    assert rate_limit(text) == limit
    assert str(limit) == text


@pytest.mark.parametrize(
    "text", ["", "50", "0/s", "05/s", "50/d", "50 / s", "-1/s", "1.5/s", "12345678/s", "٥/s"]
)
def test_anything_else_is_no_limit(text: str) -> None:
    with pytest.raises(ValueError, match=r"^expected requests a second, minute or hour, such as "):
        rate_limit(text)


@pytest.mark.parametrize("text", ["crm", "a", "hubspot-2.eu_west", "a" * 40])
def test_names_that_stand_in_logs(text: str) -> None:
    assert key_name(text) == text


@pytest.mark.parametrize(
    "text", ["", "CRM", "a b", "-a", "a" * 41, "a\n", "é", "local", 'a"b', "key 1"]
)
def test_names_that_cannot(text: str) -> None:
    with pytest.raises(ValueError, match=r"^a key's name is 1 to 40 small letters"):
        key_name(text)


def test_scopes_by_name() -> None:
    assert scope_names(["read", "score", "read"]) == {"read", "score"}
    with pytest.raises(ValueError, match=r"score, events, read, admin, .*; found 'write', ''$"):
        scope_names(["write", "score", ""])
    with pytest.raises(ValueError, match=r"one or more of them; found none$"):
        scope_names([])


def test_a_key_ends_with_its_holder_or_before() -> None:
    sooner, later = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
    forever = ApiKey("a", frozenset({"score"}), sooner)
    until = ApiKey("a", frozenset({"score"}), sooner, expires_at=later)
    assert forever.ends(KeyDigest("i", "00")) is None
    assert forever.ends(KeyDigest("i", "00", later)) == later
    assert until.ends(KeyDigest("i", "00")) == later
    assert until.ends(KeyDigest("i", "00", sooner)) == sooner
