"""Which columns show a decimal comma, and which a decimal point."""

from collections.abc import Iterable
from dataclasses import replace

from leadml.data.evidence import Evidence
from leadml.data.values import decimal_sign


def decimal_columns(columns: Iterable[Evidence]) -> dict[str, dict[str, str]]:
    """Return decimal sign -> columns of numbers that can only be written with it.

    Returns
    -------
    columns : dict of dict of str
        For ``","`` and ``"."``: column -> one of its values that shows the sign.
    """
    found: dict[str, dict[str, str]] = {",": {}, ".": {}}
    for evidence in columns:
        shown = {decimal_sign(value): str(value).strip() for value in reversed(evidence.sample)}
        for sign, of in found.items():
            if sign in shown and replace(evidence, decimal=sign).numbers() is not None:
                of[evidence.column] = shown[sign]
    return found
