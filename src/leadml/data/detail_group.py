"""What the details of activities have in common: pages of one part of a site, mails of one name."""

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

_LOCALE = re.compile(r"[a-z]{2}([-_][a-z]{2})?", re.IGNORECASE | re.ASCII)
_WEB = re.compile(r"https?://|www\.", re.IGNORECASE | re.ASCII)


def detail_group(detail: str) -> str:
    """Return the group of a detail: the first part of a page's path, else the text itself.

    A leading language (``/de/pricing``) is passed over, as are host, query and fragment.

    Examples
    --------
    >>> detail_group("https://www.example.com/pricing/enterprise?utm_source=ads")
    '/pricing'
    >>> detail_group("/de-at/Pricing/")
    '/pricing'
    >>> detail_group("/")
    '/'
    >>> detail_group("Newsletter May")
    'Newsletter May'
    """
    if _WEB.match(detail):
        return _first_part(detail if "://" in detail else f"//{detail}")
    return _first_part(detail) if detail.startswith("/") else detail


def _first_part(address: str) -> str:
    try:
        path = urlsplit(address).path
    except ValueError:  # such as an unclosed bracket in the host
        return address
    parts = [part for part in path.split("/") if part]
    if len(parts) > 1 and _LOCALE.fullmatch(parts[0]):
        parts = parts[1:]
    return f"/{parts[0].casefold()}" if parts else "/"


def group_codes(
    detail: NDArray[np.int32], details: Sequence[str], groups: Sequence[str]
) -> NDArray[np.int32]:
    """Return each activity's position among `groups`, -1 where it is in none of them."""
    codes = {group: code for code, group in enumerate(groups)}
    table = np.full(len(details) + 1, -1, np.int32)  # the last for a missing detail
    for used in np.unique(detail[detail >= 0]).tolist() if codes else ():
        table[used] = codes.get(detail_group(details[used]), -1)
    return table[detail]
