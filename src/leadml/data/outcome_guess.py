"""Which column says won or lost, and which of its values say so."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from leadml.data.evidence import FEW, Evidence
from leadml.data.places import listed
from leadml.data.presets import YES, Preset, reads_lost, reads_won
from leadml.domain.mapping import Scalar

_CODES = {"0": "open", "1": "won", "2": "lost"}  # Dynamics' statecode of an opportunity


@dataclass(frozen=True)
class OutcomeGuess:
    """The outcome column, and what its values mean.

    Attributes
    ----------
    column : str
        Its header.
    won, lost, open : tuple
        Values as written; numbers and booleans as such.
    because : str
        What it was guessed from.
    """

    column: str
    won: tuple[Scalar, ...]
    lost: tuple[Scalar, ...]
    open: tuple[Scalar, ...]
    because: str


def guess_outcome(
    columns: Iterable[Evidence], headers: Sequence[str], preset: Preset | None
) -> OutcomeGuess | None:
    """Guess the outcome column; None where no column has a value that reads as won.

    In this order: a column of a known header with values that read as won and as lost; any column
    with both; a known header with values that read as won; a known header with yes and no.

    Parameters
    ----------
    columns : iterable of Evidence
        Every column.
    headers : sequence of str
        Columns whose header is one of an outcome, the best first.
    preset : Preset or None
        Kind of export, for the values it uses.
    """
    few = {e.column: e for e in columns if 2 <= len(e.counts) <= FEW}
    readings = {name: _read(evidence, preset) for name, evidence in few.items()}
    known = [name for name in headers if name in few]
    both = [name for name, reading in readings.items() if reading.won and reading.lost]
    won = [name for name, reading in readings.items() if reading.won]
    for name in (*(n for n in known if n in both), *both, *(n for n in known if n in won)):
        return readings[name]
    yes_or_no = [name for name in known if few[name].is_boolean()]
    return _from_boolean(few[yes_or_no[0]]) if yes_or_no else _from_codes(known, few)


def _read(evidence: Evidence, preset: Preset | None) -> OutcomeGuess:
    values = list(evidence.counts)
    texts = {value: str(value).strip() for value in values}
    won = [value for value in values if reads_won(texts[value], preset)]
    lost = [value for value in values if reads_lost(texts[value], preset)]
    rest = [value for value in values if value not in won and value not in lost]
    because = f"{len(values)} values, {_shown(evidence, won)} read as won"
    because += f", {_shown(evidence, lost)} as lost" if lost else ", none as lost"
    return OutcomeGuess(evidence.column, _scalars(won), _scalars(lost), _scalars(rest), because)


def _from_boolean(evidence: Evidence) -> OutcomeGuess:
    values = list(evidence.counts)
    won = [value for value in values if str(value).strip().casefold() in YES]
    lost = [value for value in values if value not in won]
    because = f"header; two values, {_shown(evidence, won)} reads as yes"
    return OutcomeGuess(evidence.column, _scalars(won), _scalars(lost), (), because)


def _from_codes(known: list[str], few: dict[str, Evidence]) -> OutcomeGuess | None:
    for name in known:
        by_text = {str(value).strip(): value for value in few[name].counts}
        if name.casefold() == "statecode" and {"1", "2"} <= set(by_text) <= set(_CODES):
            rest = [by_text["0"]] if "0" in by_text else []
            because = "state codes of Dynamics 365 opportunities: 0 open, 1 won, 2 lost"
            won, lost = _scalars([by_text["1"]]), _scalars([by_text["2"]])
            return OutcomeGuess(name, won, lost, _scalars(rest), because)
    return None


def _shown(evidence: Evidence, values: Sequence[object]) -> str:
    return listed([f"{str(value).strip()} ({evidence.counts[value]:,})" for value in values], 4)


def _scalars(values: Iterable[object]) -> tuple[Scalar, ...]:
    return tuple(scalar(value) for value in values)


def scalar(value: object) -> Scalar:
    """Spell a value as the configuration best shows it: a number or boolean where it is one."""
    if isinstance(value, (bool, int, float)):
        return value
    text = str(value).strip()
    if text.casefold() in {"true", "false"}:
        return text.casefold() == "true"
    return int(text) if text.isascii() and text.isdecimal() and str(int(text)) == text else text
