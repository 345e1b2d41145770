"""Guesses at what an export's columns are, each with what it was guessed from."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leadml.data.decimal_guess import decimal_columns
from leadml.data.evidence import MOSTLY, Evidence
from leadml.data.frames import Columns
from leadml.data.outcome_guess import guess_outcome, scalar
from leadml.data.places import listed
from leadml.data.presets import (
    NO,
    USUAL,
    USUAL_LATER,
    YES,
    Preset,
    named,
    no_step,
    plain,
    recognise,
)
from leadml.data.time_guess import (
    FILLED,
    Moments,
    choose_format,
    formats_of,
    in_order,
    read_moments,
)
from leadml.data.time_steps import STEPS, find_steps
from leadml.domain.mapping import LeadMapping, Scalar

_NO_HANDOFF = ("qualified_at", "rejected_at", "outcome_recorded_at")
"""Times that their order alone would make a hand-off or a follow-up of."""
_ASIDE = {
    "qualified_at": ("created_at",),
    "accepted_at": ("created_at", "handed_off_at"),
    "rejected_at": ("created_at", "handed_off_at"),
    "outcome_recorded_at": ("created_at", "closed_at"),
}
"""Times beside the steps, told by their header alone -> the steps they come after."""
_ID_ENDINGS = ("id", "key", "guid", "number", "no", "nr", "ref")
_DEFAULT_GAPS = ("Select", "n/a")


@dataclass(frozen=True)
class Guess:
    """One setting, and what it was guessed from."""

    key: str
    value: str | tuple[Scalar, ...]
    because: str


@dataclass
class Guesses:
    """What could be guessed of an export, and what could not.

    Attributes
    ----------
    preset : Preset or None
        The kind of export recognised.
    found : dict of Guess
        Key of ``[leads]`` -> guess.
    needed : dict of str
        Key of ``[leads]`` -> why there is no guess, and what is needed.
    notes : list of str
        What else to know.
    """

    preset: Preset | None
    found: dict[str, Guess] = field(default_factory=dict)
    needed: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def mapping(self) -> LeadMapping:
        """Return the guesses as a mapping."""
        values = {key: guess.value for key, guess in self.found.items()}
        return LeadMapping(**values)  # type: ignore[arg-type]


def guess_leads(frame: pd.DataFrame) -> Guesses:
    """Guess which column holds what, from header names first, then from values."""
    guesser = _Guesser(frame)
    guesser.decimal()
    guesser.id()
    guesser.outcome()
    guesser.times()
    for key in _FITS:
        guesser.described(key)
    guesser.one_margin()
    guesser.whole_exploration()
    guesser.missing()
    guesser.later()
    return guesser.guesses


class _Guesser:
    """Guesses one key after the other; a column is used once."""

    def __init__(self, frame: pd.DataFrame) -> None:
        columns = Columns(frame)
        self.evidence = {name: Evidence(name, columns.raw(name)) for name in columns.names}
        self.guesses = Guesses(recognise(columns.names))

    def candidates(self, key: str) -> list[str]:
        """Return the columns whose header is one of the key's, the best first."""
        preset = self.guesses.preset
        names = (*(preset.columns.get(key, ()) if preset else ()), *USUAL[key])
        taken = {guess.value for guess in self.guesses.found.values()}
        return [name for name in named(list(self.evidence), names) if name not in taken]

    def ground(self, key: str, column: str) -> str:
        """Say what the header speaks for."""
        preset = self.guesses.preset
        own = preset.columns.get(key, ()) if preset else ()
        if preset and plain(column) in {plain(name) for name in own}:
            return f"header as in {preset.name}"
        return "header"

    def find(self, key: str, value: str | tuple[Scalar, ...], because: str) -> None:
        self.guesses.found[key] = Guess(key, value, because)

    def decimal(self) -> None:
        found = decimal_columns(self.evidence.values())
        comma, point = found[","], found["."]
        if len(comma) > len(point):
            column, value = next(iter(comma.items()))
            self.find("decimal", ",", f"{column} holds {value}")
            self.evidence = {k: replace(e, decimal=",") for k, e in self.evidence.items()}
        if comma and point:
            self.guesses.notes.append(
                f"numbers have a decimal comma in {listed(list(comma))} but a decimal point in "
                f"{listed(list(point))}: export them with one decimal sign"
            )

    def id(self) -> None:
        named_so = self.candidates("id")
        for column in named_so:
            if self.evidence[column].is_unique:
                rows = f"{self.evidence[column].rows:,} values, all different"
                return self.find("id", column, f"{self.ground('id', column)}; {rows}")
        for column, evidence in self.evidence.items():
            if plain(column).endswith(_ID_ENDINGS) and evidence.is_unique:
                return self.find("id", column, f"{evidence.rows:,} values, all different")
        if named_so:
            evidence = self.evidence[named_so[0]]
            repeats = evidence.rows - len(evidence.counts)
            why = f"{named_so[0]} is empty or repeated in {repeats:,} rows"
        else:
            why = "no column has a value of its own in every row"
        self.guesses.needed["id"] = f"{why}: leadml makes an id from each row's content"
        return None

    def outcome(self) -> None:
        evidence = self.evidence.values()
        guess = guess_outcome(evidence, self.candidates("outcome"), self.guesses.preset)
        if guess is None:
            few = [name for name, e in self.evidence.items() if 2 <= len(e.counts) <= 12]
            hint = f" Columns with few values: {listed(few, 8)}." if few else ""
            self.guesses.needed["outcome"] = f"no column has values that read as won.{hint}"
            return
        open_too = f"; count as open: {listed([str(v) for v in guess.open], 6)}"
        self.find("outcome", guess.column, guess.because)
        self.find("won", guess.won, "read as won")
        self.find("lost", guess.lost, _lost_words(guess.lost) + (open_too if guess.open else ""))

    def times(self) -> None:
        named_so = {key: self.candidates(key) for key in STEPS}
        likely = {name for names in named_so.values() for name in names}
        shapes = {name: formats_of(self.evidence[name]) for name in self._untold(likely)}
        shapes = {name: found for name, found in shapes.items() if found}
        untold = [name for name in shapes if not no_step(name)]
        columns = [self.evidence[name] for names in named_so.values() for name in names]
        if not any(map(formats_of, columns)):
            columns = [self.evidence[name] for name in untold]
        choice = choose_format(columns)
        if choice.date_format:
            self.find("date_format", choice.date_format, choice.because)
        moments: dict[str, Moments] = {}
        for key in STEPS:
            self._time(key, named_so[key], choice.date_format, moments)
        self._by_value(moments, untold, choice.date_format)
        for key, after in _ASIDE.items():
            before = {step: moments[step] for step in after if step in moments}
            self._time(key, self.candidates(key), choice.date_format, before)
            moments |= before
        naive = sum(found.naive for found in moments.values())
        if naive:
            self.guesses.needed["timezone"] = "times without a zone are read in this one"
        self._other_times(shapes, choice.date_format)

    def _untold(self, likely: set[str]) -> list[str]:
        """Return the columns whose header names no step and nothing else known."""
        told = {guess.value for guess in self.guesses.found.values()} | {*likely, *self._later()}
        told.update(name for key in _NO_HANDOFF for name in self.candidates(key))
        return [name for name in self.evidence if name not in told]

    def _by_value(
        self, moments: dict[str, Moments], columns: list[str], date_format: str | None
    ) -> None:
        read = {name: read_moments(self.evidence[name], date_format) for name in columns}
        free = {name: found for name, found in read.items() if found}
        steps = find_steps(moments, free, self._closed()) if free else {}
        for key, (column, because) in steps.items():
            moments[key] = free[column]
            self.guesses.needed.pop(key, None)
            self.find(key, column, f"{because}; {free[column].words()}")

    def _closed(self) -> NDArray[np.bool_] | None:
        """Tell which leads are won or lost, if a column says so."""
        found = self.guesses.found
        if "outcome" not in found:
            return None
        raw = self.evidence[str(found["outcome"].value)].raw
        ends = {str(text) for key in ("won", "lost") for text in found[key].value}
        is_end = [text in ends for text in map(_as_guessed, raw.values)]
        return np.array([*is_end, False], np.bool_)[raw.codes]

    def _time(
        self, key: str, columns: list[str], date_format: str | None, moments: dict[str, Moments]
    ) -> None:
        for column in columns:
            found = read_moments(self.evidence[column], date_format)
            problem = _time_problem(key, column, found, moments)
            if found is None or problem:
                self.guesses.needed.setdefault(key, problem)
                continue
            moments[key] = found
            self.guesses.needed.pop(key, None)
            return self.find(key, column, f"{self.ground(key, column)}; {found.words()}")
        return None

    def _other_times(self, shapes: dict[str, list[str | None]], date_format: str | None) -> None:
        taken = {guess.value for guess in self.guesses.found.values()}
        others = [
            name if date_format in found else f"{name} (like {found[0] or 'ISO 8601'})"
            for name, found in shapes.items()
            if name not in taken
        ]
        if not others:
            return
        words = f"these columns read as times: {listed(others)}"
        self.guesses.notes.append(f"{words}; none of them has a part yet")
        for key in STEPS:
            if key not in self.guesses.found:
                self.guesses.needed.setdefault(key, words)

    def described(self, key: str) -> None:
        fits, expected = _FITS[key]
        for column in self.candidates(key):
            evidence = self.evidence[column]
            if fits(evidence):
                self.guesses.needed.pop(key, None)
                words = f"{self.ground(key, column)}; {_values_words(evidence)}"
                return self.find(key, column, words)
            self.guesses.needed.setdefault(key, f"{column} is named like it but {expected}")
        return None

    def one_margin(self) -> None:
        found, needed = self.guesses.found, self.guesses.needed
        if "margin" in found:
            found.pop("margin_amount", None)
        if "margin_amount" in found and "amount" not in found:
            column = found.pop("margin_amount").value
            needed["margin_amount"] = f"{column} is named like it, but no amount to divide it by"

    def whole_exploration(self) -> None:
        """Drop one half of the pair: neither says anything without the other."""
        found = self.guesses.found
        if ("explored" in found) != ("handoff_probability" in found):
            found.pop("explored", None)
            found.pop("handoff_probability", None)

    def missing(self) -> None:
        known = {text.casefold() for text in _DEFAULT_GAPS}
        texts = sorted({text.strip() for e in self.evidence.values() for text in e.gaps})
        more = [text for text in texts if text.casefold() not in known]
        if more:
            distinct = {text.casefold(): text for text in reversed(more)}
            values = (*_DEFAULT_GAPS, *sorted(distinct.values()))
            self.find("missing", values, f"{listed(more, 6)} stand in the export")

    def later(self) -> None:
        columns = self._later()
        if columns:
            because = "filled in or changed after the hand-off: they would give the outcome away"
            self.find("ignore", tuple(columns), because)

    def _later(self) -> list[str]:
        preset = self.guesses.preset
        names = (*(preset.later if preset else ()), *USUAL_LATER)
        taken = {guess.value for guess in self.guesses.found.values()}
        return [name for name in named(list(self.evidence), names) if name not in taken]


def _lost_words(lost: tuple[Scalar, ...]) -> str:
    if lost:
        return "read as lost"
    return "no value reads as lost: whoever is not won within the horizon counts as not won"


def _as_guessed(value: object) -> str:
    return str(scalar(value))


def _time_problem(key: str, column: str, found: Moments | None, earlier: dict[str, Moments]) -> str:
    """Say why a column is not taken as that time; the empty text if it is."""
    if found is None:
        return f"{column} is named like it but does not read as times (in the same format)"
    if key == "created_at" and found.share < FILLED:
        return f"{column} is named like it but only {found.share:.0%} of the leads have one"
    for before, moments in earlier.items():
        if not in_order(moments.at, found.at):
            return f"{column} is named like it but often lies before {before}"
    return ""


def _values_words(evidence: Evidence) -> str:
    share = evidence.present / evidence.rows
    filled = "" if share == 1 else f", filled in {share:.0%}"
    return f"{len(evidence.counts):,} different values{filled}"


def _is_number(evidence: Evidence) -> bool:
    return len(evidence.counts) > 2 and evidence.numbers() is not None


def _is_fraction(evidence: Evidence) -> bool:
    numbers = evidence.numbers()
    if numbers is None or len(evidence.counts) <= 2:
        return False
    inside: NDArray[np.bool_] = np.abs(np.array(numbers)) <= 1
    return float(inside.mean()) >= MOSTLY


def _is_yes_or_no(evidence: Evidence) -> bool:
    texts = {text.casefold() for text in evidence.texts()}
    return bool(texts) and texts <= YES | NO


def _is_probability(evidence: Evidence) -> bool:
    numbers = evidence.numbers()
    return numbers is not None and all(0 <= number <= 1 for number in numbers)


def _is_group(evidence: Evidence) -> bool:
    return 2 <= len(evidence.counts) <= max(2, evidence.rows / 2)


_FITS: dict[str, tuple[Callable[[Evidence], bool], str]] = {
    "account": (
        lambda e: len(e.counts) >= min(20, e.rows / 4),
        "has too few different values to name companies",
    ),
    "owner": (_is_group, "does not repeat as a person's leads would"),
    "source": (
        lambda e: _is_group(e) and len(e.counts) <= 500,
        "has too many different values, or only one",
    ),
    "industry": (
        lambda e: _is_group(e) and len(e.counts) <= 500,
        "has too many different values, or only one",
    ),
    "amount": (_is_number, "does not hold amounts"),
    "margin": (_is_fraction, "does not hold fractions such as 0.35 or 35 %"),
    "margin_amount": (_is_number, "does not hold amounts"),
    "points": (_is_number, "does not hold numbers"),
    "segment": (
        lambda e: _is_group(e) and len(e.counts) <= 500,
        "has too many different values, or only one",
    ),
    "account_size": (
        lambda e: _is_group(e) or _is_number(e),
        "holds neither numbers nor values that repeat",
    ),
    "rejection_reason": (
        lambda e: 1 <= len(e.counts) <= 500,
        "has too many different values for reasons, or none",
    ),
    "probability": (_is_probability, "does not hold probabilities"),
    "band": (_is_group, "does not repeat as bands would"),
    "explored": (_is_yes_or_no, "does not hold yes and no"),
    "handoff_probability": (_is_probability, "does not hold probabilities"),
}
