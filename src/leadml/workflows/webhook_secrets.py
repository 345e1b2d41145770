"""The secrets that sign messages: from the environment or from files, never from leadml.toml."""

from pathlib import Path

from leadml.domain.webhook_signature import key_of
from leadml.errors import ConfigError
from leadml.settings import WEBHOOK_VARIABLE, Settings


def webhook_keys(settings: Settings, name: str) -> tuple[bytes, ...]:
    """Return the keys that sign messages to an endpoint.

    An endpoint's own secret goes before the one of all. Two secrets, separated by a blank, a line
    or a comma, sign both: so receivers can change to the new one before the old one goes.

    Raises
    ------
    ConfigError
        If there is none, or one that cannot be used; no secret is repeated.
    """
    own = f"{WEBHOOK_VARIABLE}_{name.upper()}"
    for variable in (own, WEBHOOK_VARIABLE):
        text = settings.webhook_secrets.get(variable, "")
        source = variable
        if not text.strip():
            source = f"{variable}_FILE"
            text = _read(source, settings.webhook_secrets.get(source, ""))
        words = text.replace(",", " ").split()
        if words:
            return tuple(_key(word, source) for word in words)
    msg = (
        f"messages to webhook {name} wait, for nothing signs them: set {WEBHOOK_VARIABLE} or {own} "
        "to a secret of 32 random bytes, or the same with _FILE to the path of a file that holds it"
    )
    raise ConfigError(msg)


def _key(word: str, source: str) -> bytes:
    try:
        return key_of(word)
    except ValueError as error:
        msg = f"{source} holds a secret that cannot be used: {error}"
        raise ConfigError(msg) from None


def _read(variable: str, path: str) -> str:
    if not path.strip():
        return ""
    try:
        return Path(path.strip()).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        msg = f"{variable} names {path.strip()}, which cannot be read: {reason}"
        raise ConfigError(msg) from None
