"""Reading the outcome column: which leads were won, lost, or are still open."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leadml.data.places import listed, near
from leadml.data.raw import RawColumn
from leadml.data.values import NotUsableError, to_text
from leadml.domain.finding import Finding
from leadml.domain.mapping import LeadMapping, Scalar
from leadml.errors import DataError

WON, LOST, OPEN = np.int8(1), np.int8(0), np.int8(-1)


@dataclass(frozen=True)
class Outcomes:
    """What became of each lead.

    Attributes
    ----------
    outcome : int8 array, shape (rows,)
        1 won, 0 lost, -1 open.
    findings : list of Finding
        Missing outcomes, values that count as open, listed values that never occur.
    """

    outcome: NDArray[np.int8]
    findings: list[Finding]


def read_outcomes(
    raw: RawColumn,
    mapping: LeadMapping,
    source: str,
    missing: frozenset[str],
    *,
    strict: bool,
    some_won: bool = True,
) -> Outcomes:
    """Compare every value of the outcome column with the mapping's won and lost values.

    Parameters
    ----------
    strict : bool
        Whether the outcome is needed: if not, values that never occur are no matter.
    some_won : bool
        Whether somebody must be won. To learn, yes; a quarter without a win can be reported.

    Raises
    ------
    DataError
        If `strict` and no won value occurs although one must, or `lost` is not given and the
        column has not exactly two values.
    """
    column = str(mapping.outcome)
    texts, unreadable = raw.texts(lambda value: to_text(value, missing))
    if unreadable and strict:
        msg = f"{source}, column {column}: {next(iter(unreadable.values()))}; export plain values"
        raise DataError(msg)
    counts = _counts(texts, raw.codes)
    place = f"{source}, column {column} ([leads].outcome)"
    won = _texts(mapping.won)
    if strict:
        _refuse_never_won(counts, won, place, some_won=some_won)
    lost = _texts(mapping.lost) if mapping.lost is not None else _other(counts, won, place, strict)
    _refuse_both(set(won) & set(lost), place)
    meaning = dict.fromkeys(lost, LOST) | dict.fromkeys(won, WON)
    by_value = [OPEN if text is None else meaning.get(text, OPEN) for text in texts]
    outcome = np.array([*by_value, OPEN], np.int8)[raw.codes]
    known = int(sum(counts.values()))
    findings = _missing_finding(column, len(raw.codes) - known, raw, texts)
    if strict:
        findings += _value_findings(column, counts, won, lost)
    return Outcomes(outcome, findings)


def _texts(values: Sequence[Scalar]) -> tuple[str, ...]:
    texts = []
    for value in values:
        try:
            texts.append(to_text(value))
        except NotUsableError:  # pragma: no cover - settings hold scalars only
            continue
    return tuple(text for text in texts if text is not None)


def _counts(texts: Sequence[str | None], codes: NDArray[np.intp]) -> dict[str, int]:
    sizes = np.bincount(codes + 1, minlength=len(texts) + 1)[1:]
    counts: dict[str, int] = {}
    for text, size in zip(texts, sizes.tolist(), strict=True):
        if text is not None and size:
            counts[text] = counts.get(text, 0) + size
    return dict(sorted(counts.items(), key=lambda item: -item[1]))


def _shown(counts: dict[str, int]) -> str:
    return listed([f"{text} ({count:,})" for text, count in counts.items()]) or "no values at all"


def _refuse_never_won(
    counts: dict[str, int], won: tuple[str, ...], place: str, *, some_won: bool
) -> None:
    if not won:
        msg = f"{place}: [leads].won is not set; the column holds {_shown(counts)}"
        raise DataError(msg)
    if some_won and not set(won) & set(counts):
        hint = next(filter(None, (near(text, list(counts)) for text in won)), "")
        msg = (
            f"{place}: no lead is won: {listed(list(map(repr, won)))} never occurs{hint}; the "
            f"column holds {_shown(counts)}; correct [leads].won"
        )
        raise DataError(msg)


def _other(
    counts: dict[str, int], won: tuple[str, ...], place: str, strict: bool
) -> tuple[str, ...]:
    others = tuple(text for text in counts if text not in won)
    if len(counts) == 2 or len(others) == len(counts) == 1:
        return others
    if strict:
        msg = (
            f"{place}: [leads].lost is not set, which needs a column of exactly two values; "
            f"found {len(counts)}: {_shown(counts)}; list the lost ones in [leads].lost"
        )
        raise DataError(msg)
    return ()


def _refuse_both(texts: set[str], place: str) -> None:
    if texts:
        msg = f"{place}: {min(texts)!r} is listed as won and as lost; take it out of one of them"
        raise DataError(msg)


def _missing_finding(
    column: str, count: int, raw: RawColumn, texts: Sequence[str | None]
) -> list[Finding]:
    if not count:
        return []
    written = [repr(v) for v, text in zip(raw.values, texts, strict=True) if text is None]
    also = f" (empty, or written {listed(written, 3)})" if written else ""
    text = f"leads without an outcome count as open{also}"
    return [Finding("DATA020", "warning", column, count, text)]


def _value_findings(
    column: str, counts: dict[str, int], won: tuple[str, ...], lost: tuple[str, ...]
) -> list[Finding]:
    named = (*won, *lost)
    findings = []
    still_open = {text: count for text, count in counts.items() if text not in named}
    if still_open:
        text = f"outcomes neither won nor lost count as open: {_shown(still_open)}"
        total = sum(still_open.values())
        findings.append(Finding("DATA021", "info", column, total, text, tuple(still_open)[:5]))
    folded = {" ".join(text.casefold().split()): text for text in named}
    for text, count in still_open.items():
        meant = folded.get(" ".join(text.casefold().split()))
        if meant:
            message = f"{text!r} counts as open but is spelt almost like {meant!r}; list it too"
            findings.append(Finding("DATA022", "warning", column, count, message, (text,)))
    for key, text in [("won", text) for text in won] + [("lost", text) for text in lost]:
        if text not in counts:
            message = f"{text!r} of [leads].{key} never occurs{near(text, list(counts))}"
            findings.append(Finding("DATA023", "warning", column, 0, message, (text,)))
    return findings
