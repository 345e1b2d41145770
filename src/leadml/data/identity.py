"""The id of a lead whose export has none: a hash of what the lead is.

Needs neither numpy nor pandas, so that the service gives one record the id its row has in a file.
"""

import hashlib
import re
from collections.abc import Mapping

from leadml.data.values import NotUsableError, to_text
from leadml.domain.mapping import NEVER_FEATURES, LeadMapping

_PLAIN_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE | re.ASCII)
_EXACT_DIGITS = 15  # longer runs of digits are ids that a float would blur
MODULUS = 2**64


def changing_columns(mapping: LeadMapping) -> frozenset[str]:
    """Return the mapped columns that are filled in or change during a lead's life.

    Outcome, all times but the creation, owner, money, points, what was served and what the policy
    did: they are no part of a lead's identity, so a lead keeps its id once its outcome is known.
    """
    facts = (getattr(mapping, key) for key in NEVER_FEATURES if key != "id")
    times = (name for role, name in mapping.times.items() if role != "created_at")
    return frozenset(name for name in (*facts, *times) if name)


def content_number(column: str, value: object, missing: frozenset[str]) -> int:
    """Return the 64-bit number of one cell; 0 where the cell is missing.

    ``5``, ``5.0``, ``"5"`` and ``"5.00"`` in one column give one number, whatever brought them.
    """
    try:
        text = to_text(value, missing)
    except NotUsableError:
        text = repr(value)
    if text is None:
        return 0
    if len(text) <= _EXACT_DIGITS and _PLAIN_NUMBER.fullmatch(text):
        text = repr(float(text))
    cell = f"{column}\x1f{text}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.sha256(cell).digest()[:8], "big")


def content_id(
    record: Mapping[str, object], mapping: LeadMapping, missing: frozenset[str]
) -> str | None:
    """Return the id of one record; None where it has no content.

    The id is the sum modulo 2**64 of the numbers of its cells outside `changing_columns`, as 16
    hexadecimal digits, then ``-0``: neither the order of columns nor empty ones matter. In a file,
    the k-th row (from 0) of the same content ends in ``-k`` instead.
    """
    left_out = changing_columns(mapping)
    numbers = (content_number(c, v, missing) for c, v in record.items() if c not in left_out)
    total = sum(numbers) % MODULUS
    return content_text(total, 0) if total else None


def content_text(total: int, occurrence: int) -> str:
    """Spell a content sum and an occurrence number as an id."""
    return f"{total:016x}-{occurrence}"
