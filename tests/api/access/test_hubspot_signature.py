"""HubSpot's signature: its own published example, one worked by hand, and what does not fit."""

import base64
import hashlib

import pytest

from leadml.api.access.hubspot_signature import problem_of, signature, signed_address

SECRET = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"
URL = "https://www.example.com/webhook_uri"


def test_the_example_that_hubspot_publishes() -> None:
    # HubSpot/hubspot-api-python, tests/spec/utils/test_signature.py, test_get_signature__v3.
    body = b"{'example_field':'example_value'}"
    found = signature(SECRET, "POST", URL, body, b"15000000")
    assert found == b"HPW73RUtKmcYoEDADG0s6MmGFWUzWJKAW07r8RDgcQw="


def by_hand(secret: str, content: bytes) -> bytes:
    """Return base64 of HMAC-SHA256 by its definition (RFC 2104)."""
    key = secret.encode().ljust(64, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in key) + content).digest()
    outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in key) + inner).digest()
    return base64.b64encode(outer)


def test_the_definition_worked_by_hand() -> None:
    body = '{"a":"ä"}'.encode()
    content = b"POST" + b"https://x.example/a?b=c" + body + b"1700000000000"
    assert signature("s", "POST", "https://x.example/a?b=c", body, b"1700000000000") == by_hand(
        "s", content
    )


@pytest.mark.parametrize(
    ("address", "signed"),
    [
        ("https://a.example/x?q=a%3Ab%2fc", "https://a.example/x?q=a:b/c"),
        ("/%3A%2F%3F%40%21%24%27%28%29%2A%2C%3B", "/:/?@!$'()*,;"),
        ("/%20%26%3D%25%2B%C3%A4", "/%20%26%3D%25%2B%C3%A4"),  # not in HubSpot's list
        ("/%253A", "/%253A"),
    ],
)
def test_the_characters_that_hubspot_names_are_decoded(address: str, signed: str) -> None:
    assert signed_address(address) == signed


NOW = 1_700_000_000.0
STAMP = b"1700000000000"


def problem(stamp: bytes = STAMP, given: bytes | None = None, now: float = NOW) -> str:
    body = b'{"a": 1}'
    fitting = by_hand(SECRET, b"POST" + URL.encode() + body + stamp)
    fields = {b"x-hubspot-signature-v3": given if given is not None else fitting}
    fields[b"x-hubspot-request-timestamp"] = stamp
    addresses = ["http://www.example.com/webhook_uri", URL]
    return problem_of(fields, body, secret=SECRET, method="POST", addresses=addresses, now=now)


def test_what_fits_one_of_the_addresses_is_hubspots() -> None:
    assert problem() == ""


@pytest.mark.parametrize("seconds", [-300, -299, 0, 299, 300])
def test_within_five_minutes_either_way(seconds: int) -> None:
    assert problem(now=NOW + seconds) == ""


@pytest.mark.parametrize("seconds", [-86_400, -300.001, 300.001, 86_400])
def test_and_no_longer(seconds: float) -> None:
    assert "more than 5 minutes from this machine's clock" in problem(now=NOW + seconds)


@pytest.mark.parametrize("stamp", [b"", b"-1", b"1700000000000.0", b"nan", b"1" * 17, b" 1"])
def test_a_time_is_needed(stamp: bytes) -> None:
    assert "(milliseconds) are needed" in problem(stamp)


def test_a_signature_is_needed() -> None:
    assert "are needed" in problem(given=b"")


@pytest.mark.parametrize(
    "given",
    [
        b"x",
        by_hand("other", b"POST" + URL.encode() + b'{"a": 1}' + STAMP),
        by_hand(SECRET, b"GET" + URL.encode() + b'{"a": 1}' + STAMP),
        by_hand(SECRET, b"POST" + URL.encode() + b"/" + b'{"a": 1}' + STAMP),
        by_hand(SECRET, b"POST" + URL.encode() + b'{"a": 2}' + STAMP),
        by_hand(SECRET, b"POST" + URL.encode() + b'{"a": 1}' + b"1700000000001"),
        "ä".encode(),
    ],
)
def test_a_signature_of_anything_else_does_not_fit(given: bytes) -> None:
    assert "does not fit" in problem(given=given)
