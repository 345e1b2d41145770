"""Signatures of messages, as the Standard Webhooks specification 1.0.0 has them.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import binascii
import hmac
from collections.abc import Sequence

PREFIX = "whsec_"
FEWEST_BYTES = 24
"""Shortest secret that the specification allows; 32 random bytes are advised."""


def key_of(secret: str) -> bytes:
    """Return the key that a secret stands for.

    Parameters
    ----------
    secret : str
        ``whsec_`` and base64, or any other text, whose UTF-8 bytes are the key.

    Raises
    ------
    ValueError
        If it is too short, or not base64 after the prefix; the secret is not repeated.

    Examples
    --------
    >>> key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").hex()[:8]
    '31f290f6'
    """
    if secret.startswith(PREFIX):
        try:
            key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
        except binascii.Error:
            msg = f"what follows {PREFIX} must be base64"
            raise ValueError(msg) from None
    else:
        key = secret.encode()
    if len(key) < FEWEST_BYTES:
        msg = f"{len(key)} bytes are too few: {FEWEST_BYTES} are needed, 32 random ones advised"
        raise ValueError(msg)
    return key


def signed(keys: Sequence[bytes], *, identity: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Return the headers that prove who sent a message, and when.

    Parameters
    ----------
    keys : sequence of bytes
        Each signs: while a secret is changed, receivers know one of two.
    identity : str
        Name of the message, the same for every try; without a dot.
    timestamp : int
        When it is sent, seconds since 1970-01-01 UTC.
    body : bytes
        As it is sent.
    """
    content = b".".join((identity.encode(), str(timestamp).encode(), body))
    digests = (hmac.digest(key, content, "sha256") for key in keys)
    return {
        "webhook-id": identity,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{base64.b64encode(d).decode()}" for d in digests),
    }
