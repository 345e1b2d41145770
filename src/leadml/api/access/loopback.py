"""What of hosts and addresses is this machine."""

from functools import lru_cache
from ipaddress import ip_address

_LONGEST_ADDRESS = 64


def is_loopback(host: str) -> bool:
    """Tell whether a host name or address means this machine and nothing else."""
    return len(host) <= _LONGEST_ADDRESS and _is_loopback(host)


@lru_cache(maxsize=64)
def _is_loopback(host: str) -> bool:
    if host.casefold().removesuffix(".") == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
