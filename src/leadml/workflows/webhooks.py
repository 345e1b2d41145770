"""Webhooks as their administrator sees them: how they stand, dead letters, a test."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from leadml.domain.event import iso
from leadml.errors import ConfigError
from leadml.settings import Settings, load_settings
from leadml.store.ledger import Ledger
from leadml.store.messages import as_body, new_identity
from leadml.store.outbox import Outbox, Post
from leadml.workflows.ledger import open_ledger
from leadml.workflows.webhook_delivery import request_headers
from leadml.workflows.webhook_secrets import webhook_keys
from leadml.workflows.webhook_sender import Sender, SendError

MOST_SHOWN = 200


@dataclass(frozen=True)
class Tested:
    """What became of a test message.

    Attributes
    ----------
    endpoint, host : str
        Where it went.
    id : str
        Its name.
    delivered : bool
        Whether the endpoint took it.
    status : int or None
        Of HTTP; None where no answer came.
    answer : str
        How the answer begins.
    error : str
        Why no answer came; else empty.
    milliseconds : float
        How long it took.
    """

    endpoint: str
    host: str
    id: str
    delivered: bool
    status: int | None
    answer: str
    error: str
    milliseconds: float

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON-ready form."""
        return asdict(self)


def status(config: Path | str | Settings | None = None) -> dict[str, Any]:
    """Return how every endpoint stands, those that are no more in ``leadml.toml`` included.

    Raises
    ------
    StoreError
        If there is no ledger.
    """
    settings = load_settings(config)
    with open_ledger(settings, create=False) as ledger:
        return {"database": ledger.database.shown, "endpoints": standing(settings, ledger)}


def standing(settings: Settings, ledger: Ledger) -> list[dict[str, Any]]:
    """Return how every endpoint stands: those of ``leadml.toml`` first, in its order."""
    posts = Outbox(ledger).posts()
    others = [name for name in posts if name not in settings.webhooks]
    return [
        _standing(settings, name, posts.get(name, Post())) for name in (*settings.webhooks, *others)
    ]


def _standing(settings: Settings, name: str, post: Post) -> dict[str, Any]:
    endpoint = settings.webhooks.get(name)
    problem = "" if endpoint else "it is not in leadml.toml any more"
    if endpoint:
        try:
            webhook_keys(settings, name)
        except ConfigError as error:
            problem = str(error)
    return {
        "name": name,
        "host": endpoint and endpoint.host,
        "on": list(endpoint.on) if endpoint else [],
        "problem": problem or None,
        **post.to_dict(),
    }


def dead_letters(
    config: Path | str | Settings | None = None, *, limit: int = 100
) -> list[dict[str, Any]]:
    """Return dead letters, those given up last first.

    Raises
    ------
    StoreError
        If there is no ledger.
    """
    with _outbox(config) as outbox:
        return [letter.to_dict() for letter in outbox.dead(limit=limit)]


def retry(config: Path | str | Settings | None = None, *, ids: Sequence[str] | None = None) -> int:
    """Send dead letters again, all where no ids are given; return how many.

    Raises
    ------
    ConfigError
        If an id is no dead letter's; none is sent then.
    StoreError
        If there is no ledger.
    """
    with _outbox(config) as outbox:
        if ids is not None:
            unknown = sorted(set(ids) - outbox.dead_among(ids))
            if unknown:
                msg = (
                    f"no dead letter has the id {unknown[0][:80]!r}: `leadml webhooks dead` lists "
                    "them; nothing was changed"
                )
                raise ConfigError(msg)
        return outbox.retry(ids)


@contextmanager
def _outbox(config: Path | str | Settings | None) -> Iterator[Outbox]:
    with open_ledger(config, create=False) as ledger:
        yield Outbox(ledger)


def send_test(name: str, *, config: Path | str | Settings | None = None) -> Tested:
    """Send a signed message of the type ``test`` to an endpoint, once, past the outbox.

    Raises
    ------
    ConfigError
        If there is no such endpoint, or no secret signs messages to it.
    """
    settings = load_settings(config)
    endpoint = settings.webhooks.get(name)
    if endpoint is None:
        known = ", ".join(settings.webhooks) or "none"
        msg = f"leadml.toml has no [webhooks.{name[:40]}]; endpoints: {known}"
        raise ConfigError(msg)
    keys = webhook_keys(settings, name)
    now, identity = datetime.now(UTC), new_identity()
    body = as_body({"id": identity, "type": "test", "created_at": iso(now), "endpoint": name})
    sender = Sender(endpoint)
    begun = time.perf_counter()
    try:
        answer = sender.post(body.encode(), request_headers(identity, body, keys, now=now))
        told: dict[str, Any] = {
            "delivered": answer.is_success,
            "status": answer.status,
            "answer": " ".join(answer.text.split())[:MOST_SHOWN],
            "error": "",
        }
    except SendError as failure:
        told = {"delivered": False, "status": None, "answer": "", "error": str(failure)}
    finally:
        sender.close()
    took = round(1000 * (time.perf_counter() - begun), 1)
    return Tested(endpoint=name, host=endpoint.host, id=identity, milliseconds=took, **told)
