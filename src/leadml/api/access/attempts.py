"""Guessing keys is slowed down: after some failures an address has to wait, longer each time."""

import time
from collections import OrderedDict
from collections.abc import Callable
from ipaddress import ip_address, ip_network

FREE = 5
"""Failures in a row without a wait."""
LONGEST = 60.0
FORGOTTEN = 900.0
"""Seconds without a failure after which earlier ones no longer count."""
MOST = 1_024
"""Addresses remembered; the one that failed longest ago makes room."""


class Attempts:
    """Failed attempts by address, in bounded memory.

    Parameters
    ----------
    clock : callable
        Seconds that never run backwards.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failed: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def wait(self, address: str) -> float:
        """Return the seconds until the next attempt of an address is looked at; 0 for at once."""
        failures, last = self._failed.get(_network(address), (0, 0.0))
        if failures < FREE:
            return 0.0
        pause = min(LONGEST, 2.0 ** min(failures - FREE, 60))
        return max(0.0, last + pause - self._clock())

    def failed(self, address: str) -> None:
        """Count a failure."""
        now, network = self._clock(), _network(address)
        failures, last = self._failed.pop(network, (0, now))
        self._failed[network] = (1 if now - last > FORGOTTEN else failures + 1, now)
        while len(self._failed) > MOST:
            self._failed.popitem(last=False)

    def succeeded(self, address: str) -> None:
        """Forget an address's failures."""
        self._failed.pop(_network(address), None)


def _network(address: str) -> str:
    """Return whose attempts count together: an IPv4 address, or an IPv6 network of one customer."""
    try:
        if ip_address(address).version == 4:
            return address
        return str(ip_network((address, 64), strict=False))
    except ValueError:
        return "unknown"
