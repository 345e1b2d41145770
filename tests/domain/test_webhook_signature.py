"""Signatures are those of the Standard Webhooks specification."""

import base64

import pytest

from leadml.domain.webhook_signature import key_of, signed


def test_the_published_vector() -> None:
    # standardwebhooks 1.0.0, libraries/python/tests/test_webhooks.py, test_sign_function
    headers = signed(
        [key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")],
        identity="msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp=1614265330,
        body=b'{"test": 2432232314}',
    )
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_two_secrets_sign_both() -> None:
    first, second = key_of("a" * 24), key_of("b" * 32)
    parts = {"identity": "m", "timestamp": 1, "body": b"{}"}
    both = signed([first, second], **parts)["webhook-signature"]
    alone = [signed([key], **parts)["webhook-signature"] for key in (first, second)]
    assert both == " ".join(alone)
    assert alone[0] != alone[1]


def test_a_key_is_what_base64_holds_or_the_text_itself() -> None:
    assert key_of("whsec_" + base64.b64encode(bytes(range(32))).decode()) == bytes(range(32))
    assert key_of("x" * 24) == b"x" * 24


@pytest.mark.parametrize(
    ("secret", "problem"),
    [
        ("short-secret", "12 bytes are too few: 24 are needed, 32 random ones advised"),
        ("whsec_" + base64.b64encode(b"x" * 23).decode(), "23 bytes are too few"),
        ("whsec_short!secret!short!secret!", "what follows whsec_ must be base64"),
        ("", "0 bytes are too few"),
    ],
)
def test_secrets_that_cannot_be_used(secret: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem) as refused:
        key_of(secret)
    assert "secret" not in str(refused.value)
