"""Whether HubSpot itself sent a request: version 3 of its signatures.

Source: HubSpot, "Validating requests", https://developers.hubspot.com/docs/apps/developer-platform/
build-apps/authentication/request-validation
"""

import hashlib
import hmac
import re
import time
from base64 import b64encode
from collections.abc import Collection, Mapping

SIGNATURE, TIMESTAMP = b"x-hubspot-signature-v3", b"x-hubspot-request-timestamp"
WINDOW_MILLISECONDS = 300_000
"""How far the time of signing may lie from ours, either way."""
_DECODED = {
    "3A": ":", "2F": "/", "3F": "?", "40": "@", "21": "!", "24": "$",
    "27": "'", "28": "(", "29": ")", "2A": "*", "2C": ",", "3B": ";",
}  # fmt: skip
"""What HubSpot signs as it reads: all else stays as it stands in the address."""
_ENCODED = re.compile(f"%({'|'.join(_DECODED)})", re.IGNORECASE)
_DIGITS = re.compile(rb"[0-9]{1,16}")


def signed_address(address: str) -> str:
    """Return an address as HubSpot signs it.

    Examples
    --------
    >>> signed_address("https://example.com/a%3Ab?c=%2f%20d")
    'https://example.com/a:b?c=/%20d'
    """
    return _ENCODED.sub(lambda found: _DECODED[found[1].upper()], address)


def signature(secret: str, method: str, address: str, body: bytes, timestamp: bytes) -> bytes:
    """Return base64(HMAC-SHA256(secret, method + address + body + timestamp))."""
    content = f"{method}{signed_address(address)}".encode("latin-1") + body + timestamp
    return b64encode(hmac.new(secret.encode(), content, hashlib.sha256).digest())


def problem_of(
    fields: Mapping[bytes, bytes],
    body: bytes,
    *,
    secret: str,
    method: str,
    addresses: Collection[str],
    now: float | None = None,
) -> str:
    """Return why a request is not surely HubSpot's; empty where it is.

    Parameters
    ----------
    fields : mapping
        Its headers.
    body : bytes
        As it was sent.
    secret : str
        The client secret of the app.
    method : str
        Its method.
    addresses : collection of str
        What HubSpot may have called: whole addresses with their query.
    now : float, optional
        Seconds since 1970.
    """
    given, timestamp = fields.get(SIGNATURE, b""), fields.get(TIMESTAMP, b"")
    if not given or not _DIGITS.fullmatch(timestamp):
        return (
            "HubSpot signs its requests: X-HubSpot-Signature-v3 and X-HubSpot-Request-Timestamp "
            "(milliseconds) are needed"
        )
    moment = time.time() if now is None else now
    if abs(1000 * moment - int(timestamp)) > WINDOW_MILLISECONDS:
        return (
            "X-HubSpot-Request-Timestamp lies more than 5 minutes from this machine's clock: an "
            "old request sent again, or a clock that is wrong"
        )
    fitting = [
        hmac.compare_digest(signature(secret, method, address, body, timestamp), given)
        for address in addresses
    ]
    if any(fitting):
        return ""
    return (
        "X-HubSpot-Signature-v3 does not fit: check that LEADML_HUBSPOT_SECRET is the client "
        "secret of the app, and that LEADML_PUBLIC_URL is the address by which HubSpot calls"
    )
