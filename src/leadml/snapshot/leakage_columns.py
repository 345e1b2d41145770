"""Grounds for suspecting a column: how it separates, who holds it, its name, its order."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from leadml.snapshot.leakage_case import CERTAIN, TOO_GOOD, Case, Suspicion
from leadml.snapshot.leakage_names import names_outcome, says_all_time, tells, words_of
from leadml.snapshot.leakage_order import names_leads
from leadml.snapshot.leakage_presence import AGAINST, told_by_presence

Outcomes = NDArray[np.int8]

DECIDES = 4.0
"""A value decides the outcome where its rarer outcome is this many times rarer than usual."""
FEWEST_DECIDED = 10.0
"""Leads of the rarer outcome to be expected among leads with a value, to hold it against."""


def on_column(case: Case, place: int) -> Iterator[Suspicion]:
    """Yield every ground for suspecting the column of one feature."""
    column = str(case.features.features[place].column)
    grounds = [
        *_by_name(case, place, column),
        *_by_open_leads(case, column),
        *_by_separation(case, place, column),
        *_by_order(case, place, column),
    ]
    yield from grounds
    if not any(ground.quarantine for ground in grounds):
        yield from _by_presence(case, place, column)


def _by_separation(case: Case, place: int, column: str) -> Iterator[Suspicion]:
    found, (best, name) = case.separations[place], case.best_plausible
    if not case.far_above(place):
        return
    hinted, held = bool(tells(column)), case.held_early(place)
    lacking = held is not None and held <= 2 * AGAINST
    if found.low < TOO_GOOD and not (hinted or lacking):
        return
    certain = hinted or found.low >= CERTAIN
    quarantine = case.beyond(place) or _too_good(held, certain=certain)
    if found.low < TOO_GOOD and not quarantine:
        return
    evidence = (
        f"{column} alone ranks a won lead above a lost one in {_of_100(found.auc)} of 100 pairs, "
        f"the next best column ({name}) in {_of_100(best.auc)}, and 50 would be chance; what is "
        "known beforehand hardly ever tells that much, so it was probably recorded afterwards"
    )
    yield Suspicion("LEAK001", column, quarantine, len(case.y), evidence + _of_young(held))


def _too_good(held: float | None, *, certain: bool) -> bool:
    """Tell whether a column that tells too much is left out.

    Without open leads to ask it is. Where they speak for the column it is not, where against it
    is; where they do not say clearly, it is only left out for certain.
    """
    if held is None or held <= AGAINST:
        return True
    return certain and held < -AGAINST


def _of_young(held: float | None) -> str:
    if held is None:
        return ""
    if held <= AGAINST:
        return "; the newest leads, most of them still open, lack such values"
    if held < -AGAINST:
        return "; the newest leads, most of them still open, do not tell either way"
    return ", though the newest leads, most of them still open, hold such values too"


def _of_100(auc: float) -> str:
    return f"{100 * auc:.0f}"


def _by_open_leads(case: Case, column: str) -> Iterator[Suspicion]:
    counts = case.open_leads.only_closed(case.raw(column))
    if counts is None:
        return
    share = 100 * counts.closed / counts.closed_leads
    evidence = (
        f"{column} tells something in {share:.0f} of 100 closed leads but in {counts.open} of "
        f"{counts.open_leads} leads of the same time that are still open: it is filled in when a "
        "lead is closed, so nobody knows it when a lead is judged"
    )
    yield Suspicion("LEAK002", column, True, counts.closed, evidence)


def _by_name(case: Case, place: int, column: str) -> Iterator[Suspicion]:
    said = tells(column)
    if said == "outcome":
        evidence = (
            f"{column} is called what is known only once a lead is won or lost, so nobody knows it "
            "when a lead is judged"
        )
        known = int((~np.isnan(case.x[:, place])).sum())
        yield Suspicion("LEAK003", column, True, known, evidence)
        return
    named = _levels_of_outcome(case, place)
    if named is not None:
        leads, agreeing, examples = named
        evidence = (
            f"{column} holds the outcome itself: its values that read as won or lost agree with "
            f"it in {agreeing} of {leads} leads, and nobody can know that beforehand"
        )
        yield Suspicion("LEAK003", column, True, leads, evidence, examples)
    elif said == "state" and column not in case.rolled_back:
        yield _state(case, place, column)


def _state(case: Case, place: int, column: str) -> Suspicion:
    decided = _deciding_value(case, place)
    evidence = (
        f"{column} is called what shows where a lead stands on the day of the export, not where "
        "it stood when it was judged"
    )
    if decided is not None:
        value, leads, won = decided
        base = 100 * case.y.mean()
        evidence += f"; of {leads} leads with {value} {won} were won, of all leads {base:.0f} %"
    elif case.far_above(place):
        auc = case.separations[place].auc
        evidence += f", and ranks a won lead above a lost one in {_of_100(auc)} of 100 pairs"
    settled = decided is not None or case.far_above(place)
    return Suspicion("LEAK003", column, settled, len(case.y), evidence)


def _values(case: Case, place: int) -> Iterator[tuple[float, int, int]]:
    """Yield the repeated values of a column with few of them: value, leads, won leads."""
    present = ~np.isnan(case.x[:, place])
    levels, group = np.unique(case.x[present, place], return_inverse=True)
    if len(levels) > 100:
        return
    leads = np.bincount(group, minlength=len(levels))
    won = np.bincount(group, case.y[present], minlength=len(levels))
    for level, n, wins in zip(levels, leads, won, strict=True):
        yield float(level), int(n), int(wins)


def _levels_of_outcome(case: Case, place: int) -> tuple[int, int, tuple[str, ...]] | None:
    """Return leads, agreeing leads and values where a text column's values name the outcome."""
    feature = case.features.features[place]
    if not feature.categorical:
        return None
    leads, won = np.zeros(2, int), np.zeros(2, int)
    names = []
    for code, n, wins in _values(case, place):
        said = names_outcome(feature.levels[int(code)])
        if said >= 0:
            names.append(feature.levels[int(code)])
            leads[said] += n
            won[said] += wins
    agree = np.array([leads[0] - won[0], won[1]])
    sure = [
        _decides(int(n), int(w), case.y, o) for o, (n, w) in enumerate(zip(leads, won, strict=True))
    ]
    wrong = [n >= FEWEST_DECIDED and not ok for n, ok in zip(leads, sure, strict=True)]
    if not any(sure) or any(wrong):
        return None
    return int(leads.sum()), int(agree.sum()), tuple(names[:5])


def _decides(leads: int, won: int, y: Outcomes, outcome: int) -> bool:
    """Tell whether the leads with a value (nearly) all have one outcome: 1 won, 0 lost."""
    other = (y != outcome).mean()
    expected, seen = float(other * leads), leads - won if outcome else won
    return expected >= FEWEST_DECIDED and seen + 2 * np.sqrt(seen + 1) <= expected / DECIDES


def _deciding_value(case: Case, place: int) -> tuple[str, int, int] | None:
    for value, leads, won in _values(case, place):
        if _decides(leads, won, case.y, 1) or _decides(leads, won, case.y, 0):
            shown = case.features.shown(place, value)
            return f"{shown:g}" if isinstance(shown, float) else repr(shown), leads, won
    return None


def _by_order(case: Case, place: int, column: str) -> Iterator[Suspicion]:
    if case.features.features[place].kind == "time":
        return  # another time of a lead's life follows its creation, and is no id
    order = np.argsort(case.rows)
    rows = case.rows[order]
    why = names_leads(column, case.raw(column).take(rows), case.as_of[order])
    if why:
        evidence = f"{column} {why}: it names single leads and cannot say anything about new ones"
        yield Suspicion("LEAK007", column, True, len(rows), evidence)


def _by_presence(case: Case, place: int, column: str) -> Iterator[Suspicion]:
    shares = told_by_presence(~np.isnan(case.x[:, place]), case.y)
    if shares is not None:
        won, lost = (f"{100 * share:.0f}" for share in shares)
        evidence = (
            f"{column} is filled in {won} of 100 won but {lost} of 100 lost leads: perhaps sales "
            "fills it in while working a lead, after it was judged"
        )
        yield Suspicion("LEAK009", column, False, int(np.isnan(case.x[:, place]).sum()), evidence)


def on_totals(case: Case) -> Iterator[Suspicion]:
    """Suspect totals over all time that exceed a like count of the same thing."""
    numbers = [i for i in case.attributes if case.features.features[i].kind == "number"]
    for place in numbers:
        column = str(case.features.features[place].column)
        if not says_all_time(column):
            continue
        for other in numbers:
            name = str(case.features.features[other].column)
            if other != place and _stems(column) & _stems(name) and _exceeds(case, place, other):
                evidence = (
                    f"{column} is called a total over all time and is never below {name}: it may "
                    "count what came after the lead was judged"
                )
                yield Suspicion("LEAK008", column, False, len(case.y), evidence)
                break


def _stems(column: str) -> set[str]:
    return {word.rstrip("s") for word in words_of(column).split() if len(word) > 3} - {"total"}


def _exceeds(case: Case, place: int, other: int) -> bool:
    a, b = case.x[:, place], case.x[:, other]
    known = ~np.isnan(a) & ~np.isnan(b)
    if known.sum() < 50:
        return False
    return bool((a[known] >= b[known]).mean() >= 0.98 and (a[known] > b[known]).mean() >= 0.2)
