"""Sends messages to webhooks while the service runs: one thread an endpoint.

An endpoint that does not answer holds up no other, and no score. Of several processes each sends
what it claims first.
"""

import logging
import threading
from collections.abc import Callable
from random import SystemRandom

from leadml.errors import ConfigError, StoreError
from leadml.settings import Settings
from leadml.store.ledger import Ledger
from leadml.store.outbox import Outbox
from leadml.workflows.webhook_delivery import AWAY_SECONDS, Delivery
from leadml.workflows.webhook_secrets import webhook_keys

LAST_SECONDS = 5.0
"""How long closing waits for requests under way; what they carry is sent again otherwise."""

log = logging.getLogger("leadml.api.webhooks")


class Courier:
    """Delivers to every endpoint that has a secret.

    Parameters
    ----------
    opened : callable
        Returns the open ledger, or raises StoreError.
    settings : Settings
        Name the endpoints, their secrets too.

    Attributes
    ----------
    problems : dict of str to str
        Endpoint -> why nothing is sent to it.
    """

    def __init__(self, opened: Callable[[], Ledger], settings: Settings) -> None:
        self._opened = opened
        self._settings = settings
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._deliveries: list[Delivery] = []
        self.problems: dict[str, str] = {}
        for name, endpoint in settings.webhooks.items():
            try:
                keys = webhook_keys(settings, name)
            except ConfigError as error:
                self.problems[name] = str(error)
                continue
            self._deliveries.append(
                Delivery(
                    self._outbox,
                    name,
                    endpoint,
                    keys,
                    known=settings.webhooks.keys(),
                    random=SystemRandom(),
                )
            )

    def start(self) -> None:
        """Start sending; say what is not sent."""
        for problem in self.problems.values():
            log.error("%s", problem)
        self._stop.clear()
        for delivery in self._deliveries:
            name = f"leadml webhook {delivery.name}"
            thread = threading.Thread(target=self._run, args=(delivery,), name=name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def close(self) -> None:
        """Stop; wait a few seconds for requests under way."""
        self._stop.set()
        for thread in self._threads:
            thread.join(LAST_SECONDS / len(self._threads))
        self._threads.clear()

    def counts(self) -> dict[str, int]:
        """Return how many messages are kept in each state; nothing where that is not known."""
        if not self._settings.webhooks:
            return {}
        try:
            return self._outbox().counts()
        except StoreError:
            return {}

    def _run(self, delivery: Delivery) -> None:
        while not self._stop.is_set():
            self._stop.wait(self._step(delivery))
        delivery.close()

    def _step(self, delivery: Delivery) -> float:
        try:
            return delivery.step()
        except Exception as fault:  # one message must not keep the others from being sent
            log.error("webhook %s: not sent: %s", delivery.name, type(fault).__name__)  # noqa: TRY400
            return AWAY_SECONDS

    def _outbox(self) -> Outbox:
        return Outbox(self._opened())
