"""What the environment says: keys, secrets, proxies and the service's own address."""

import re
from collections.abc import Mapping
from pathlib import Path

from leadml.errors import ConfigError

API_KEYS_VARIABLE = "LEADML_API_KEYS"
ADMIN_KEYS_VARIABLE = "LEADML_ADMIN_KEYS"
HUBSPOT_VARIABLE = "LEADML_HUBSPOT_SECRET"
PUBLIC_URL_VARIABLE = "LEADML_PUBLIC_URL"
PROXIES_VARIABLE = "LEADML_TRUSTED_PROXIES"
WEBHOOK_VARIABLE = "LEADML_WEBHOOK_SECRET"
"""Also with ``_NAME`` for one endpoint, and with ``_FILE`` for a path."""


def keys_from(environment: Mapping[str, str], variable: str) -> tuple[str, ...]:
    """Return the keys, or other words, that a variable of the environment separates by commas."""
    keys = environment.get(variable, "").split(",")
    return tuple(key.strip() for key in keys if key.strip())


def public_url_from(text: str) -> str:
    """Return the service's own address without a slash at its end."""
    url = text.strip().rstrip("/")
    if url and not re.fullmatch(r"https?://[^/?#@\s]+(/[^?#\s]*)?", url):
        msg = (
            f"{PUBLIC_URL_VARIABLE} holds {text!r}: expected the address by which others reach "
            "the service, such as https://leads.example.com"
        )
        raise ConfigError(msg)
    return url


def secret_from(environment: Mapping[str, str], variable: str) -> str:
    """Return a secret of the environment, or of the file that ``<variable>_FILE`` names.

    Raises
    ------
    ConfigError
        If the file cannot be read, or both are set.
    """
    plain, named = environment.get(variable, "").strip(), environment.get(f"{variable}_FILE", "")
    if not named:
        return plain
    if plain:
        msg = f"{variable} and {variable}_FILE are both set: keep one"
        raise ConfigError(msg)
    try:
        return Path(named).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{variable}_FILE names a file that cannot be read: {type(error).__name__}"
        raise ConfigError(msg) from None
