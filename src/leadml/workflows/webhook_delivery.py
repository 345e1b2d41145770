"""Delivering messages to one endpoint: at least once, later again where it fails, then given up."""

import email.utils
import logging
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta
from random import Random

from leadml.domain.webhook import JITTER, Endpoint, delay
from leadml.domain.webhook_signature import signed
from leadml.errors import StoreError
from leadml.store.outbox import Outbox, Outgoing
from leadml.workflows.webhook_sender import Answer, Sender, SendError

IDLE_SECONDS = 1.0
"""How long to wait where nothing is due."""
AWAY_SECONDS = 5.0
"""How long to wait where the ledger cannot be used."""
FAILURES = 3
"""Failures in a row after which an endpoint is in trouble: one of many is nothing unusual."""
LONGEST_PAUSE = 300.0
"""Seconds that an endpoint in trouble is left alone at most, unless it asks for more."""
LONGEST_WISH = 86_400.0
"""Seconds of ``Retry-After`` that are granted at most."""
TIDY_EVERY = timedelta(hours=1)
HOLD_BEYOND = timedelta(seconds=30)
"""How much longer than a request may take a message is held by its sender."""

GONE = 410
_TROUBLE = frozenset({408, 425, 429})

log = logging.getLogger("leadml.api.webhooks")


class Delivery:
    """Sends what is due to one endpoint; an endpoint in trouble is left alone for a while.

    Parameters
    ----------
    outbox : callable
        Returns the outbox, or raises StoreError.
    name : str
        Of the endpoint.
    endpoint : Endpoint
        Its address, time and number of tries.
    keys : sequence of bytes
        Each signs every message.
    known : collection of str
        Names of all endpoints there are.
    random : Random
        Spreads tries apart.
    """

    def __init__(
        self,
        outbox: Callable[[], Outbox],
        name: str,
        endpoint: Endpoint,
        keys: Sequence[bytes],
        *,
        known: Collection[str],
        random: Random,
    ) -> None:
        self.name = name
        self._outbox = outbox
        self._endpoint = endpoint
        self._keys = keys
        self._known = known
        self._random = random
        self._sender = Sender(endpoint)
        self._failures = 0
        self._is_told = False
        self._pause: tuple[datetime, datetime] | None = None
        self._tidied_at: datetime | None = None
        self._is_away = False

    def step(self) -> float:
        """Send one message if one is due; return how many seconds to wait before the next call."""
        try:
            wait = self._step(self._outbox())
        except StoreError as error:
            if not self._is_away:
                log.warning("webhook %s: messages wait: %s", self.name, error)
            self._is_away = True
            return AWAY_SECONDS
        self._is_away = False
        return wait

    def close(self) -> None:
        """Close the connection."""
        self._sender.close()

    def _step(self, outbox: Outbox) -> float:
        now = outbox.now()
        if self._tidied_at is None or abs(now - self._tidied_at) >= TIDY_EVERY:
            outbox.tidy(self._known)
            self._tidied_at = now
        if self._is_paused(now) or not outbox.is_due(self.name):
            return IDLE_SECONDS
        hold = timedelta(seconds=self._endpoint.timeout) + HOLD_BEYOND
        sent = outbox.claim(self.name, hold=hold)
        if sent is None:  # another process was quicker
            return IDLE_SECONDS
        self._send(outbox, sent)
        return 0.0

    def _is_paused(self, now: datetime) -> bool:
        """Tell whether the endpoint is left alone; a clock that was set back ends that."""
        return self._pause is not None and self._pause[0] <= now < self._pause[1]

    def _send(self, outbox: Outbox, sent: Outgoing) -> None:
        headers = request_headers(sent.id, sent.body, self._keys, now=outbox.now())
        try:
            answer = self._sender.post(sent.body.encode(), headers)
        except SendError as failure:
            self._failed(outbox, sent, str(failure), None)
            return
        if answer.is_success:
            outbox.delivered(sent)
            self._recovered()
        elif answer.status == GONE:
            self._gone(outbox, sent)
        else:
            self._failed(outbox, sent, f"HTTP {answer.status}", answer)

    def _failed(self, outbox: Outbox, sent: Outgoing, error: str, answer: Answer | None) -> None:
        now = outbox.now()
        wish = wished_seconds(answer.retry_after, now) if answer else 0.0
        if answer is None or answer.status >= 500 or answer.status in _TROUBLE:
            self._trouble(outbox, error, wish)
        if sent.attempts >= self._endpoint.attempts:
            outbox.give_up(sent, error)
            log.error(
                "webhook %s: %s given up after %d tries: %s",
                self.name, sent.id, sent.attempts, error,
            )  # fmt: skip
            return
        seconds = delay(sent.attempts) * self._random.uniform(1 - JITTER, 1 + JITTER)
        outbox.failed(sent, error, again_at=now + timedelta(seconds=max(seconds, wish)))

    def _trouble(self, outbox: Outbox, error: str, wish: float) -> None:
        """Leave the endpoint alone after some failures in a row, or where it asks for that."""
        self._failures += 1
        in_a_row = self._failures - FAILURES
        if in_a_row < 0 and not wish:
            return
        if not self._is_told:
            log.warning("webhook %s: messages wait: %s", self.name, error)
            self._is_told = True
        now = outbox.now()
        pause = min(LONGEST_PAUSE, delay(1) * 2 ** min(max(in_a_row, 0), 20))
        self._pause = now, now + timedelta(seconds=max(pause, wish))
        before = now - timedelta(seconds=self._endpoint.patience)
        number = outbox.give_up_all(self.name, f"given up: {error}", before=before)
        if number:
            log.error("webhook %s: %d messages given up: %s", self.name, number, error)

    def _gone(self, outbox: Outbox, sent: Outgoing) -> None:
        error = "HTTP 410: the endpoint wants no more messages"
        outbox.give_up(sent, error)
        number = 1 + outbox.give_up_all(self.name, error)
        log.error("webhook %s: %d messages given up: %s", self.name, number, error)
        self._begin_anew()

    def _recovered(self) -> None:
        if self._is_told:
            log.warning("webhook %s: takes messages again", self.name)
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._failures, self._pause, self._is_told = 0, None, False


def request_headers(
    identity: str, body: str, keys: Sequence[bytes], *, now: datetime
) -> dict[str, str]:
    """Return the headers of a message, signed for the present."""
    timestamp = int(now.timestamp())
    told = signed(keys, identity=identity, timestamp=timestamp, body=body.encode())
    return {**told, "idempotency-key": identity}


def wished_seconds(text: str, now: datetime) -> float:
    """Return how long an endpoint asks to be left alone, in [0, `LONGEST_WISH`].

    Parameters
    ----------
    text : str
        ``Retry-After`` (RFC 9110, 10.2.3): seconds or a date; anything else asks for nothing.

    Examples
    --------
    >>> wished_seconds("Sun, 01 Mar 2026 09:02:00 GMT", datetime(2026, 3, 1, 9, tzinfo=UTC))
    120.0
    """
    words = text.strip()
    if words.isascii() and words.isdigit():
        return min(float(words[:10]), LONGEST_WISH)
    try:
        moment = email.utils.parsedate_to_datetime(words)
    except ValueError:
        return 0.0
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(max(0.0, (aware - now).total_seconds()), LONGEST_WISH)
