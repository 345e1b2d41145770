"""Which step of a lead's way a column of times is, from their order and who has them.

Only for columns whose header says nothing: what the values leave open is left to the user.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from leadml.data.time_guess import FILLED, Moments, in_order
from leadml.data.values import MICROSECONDS_A_DAY, NO_TIME

STEPS = ("created_at", "handed_off_at", "followed_up_at", "closed_at")
LONGEST_WAY = 730
"""Days within which half of the leads go on from their creation; a birthday lies further back."""
STRAY = 0.1
"""Share of open leads that may have a closing time, of leads without a hand-off a follow-up."""


@dataclass
class Steps:
    """The columns known, and those to find a step for.

    Attributes
    ----------
    known : dict of Moments
        Step -> its times.
    free : dict of Moments
        Column without a step -> its times.
    closed : bool array of shape (rows,), or None
        Whether a lead is won or lost; None where no column says so.
    found : dict of tuple
        Step -> column and grounds, filled by `find_steps`.
    """

    known: dict[str, Moments]
    free: dict[str, Moments]
    closed: NDArray[np.bool_] | None
    found: dict[str, tuple[str, str]] = field(default_factory=dict)

    def take(self, step: str, column: str, because: str) -> None:
        """Settle that a column is a step."""
        self.found[step] = (column, because)
        self.known[step] = self.free.pop(column)


def find_steps(
    known: Mapping[str, Moments], free: Mapping[str, Moments], closed: NDArray[np.bool_] | None
) -> dict[str, tuple[str, str]]:
    """Find the steps that the values of `free` columns make clear.

    Creation is the earliest of the columns that always have a time; closing the latest that only
    won and lost leads have; hand-off and follow-up lie between, the follow-up only where there was
    a hand-off.

    Returns
    -------
    dict of tuple
        Step -> column and what it was guessed from; steps that are not clear are left out.
    """
    steps = Steps(dict(known), dict(free), closed)
    if "created_at" not in known:
        _creation(steps)
    if "closed_at" not in known:
        _closing(steps)
    _between(steps)
    return steps.found


def _creation(steps: Steps) -> None:
    others = [*steps.known.values()]
    for column, moments in steps.free.items():
        rest = [*others, *(m for name, m in steps.free.items() if name != column)]
        if moments.share >= FILLED and rest and _is_first(moments, rest):
            return steps.take("created_at", column, "always there and earliest")
    return None


def _is_first(moments: Moments, rest: list[Moments]) -> bool:
    if not all(in_order(moments.at, other.at) for other in rest):
        return False
    full = [other for other in rest if other.share >= FILLED]
    if not all(_is_before(moments, other) for other in full):
        return False
    days = [_days_between(moments, other) for other in rest]
    return min(days) <= LONGEST_WAY


def _is_before(earlier: Moments, later: Moments) -> bool:
    """Tell whether, where both are known, most of the one are before the other, to the second."""
    both = _both(earlier, later)
    if not both.any() or not in_order(earlier.at, later.at):
        return False
    return float((earlier.at[both] < later.at[both]).mean()) > 0.5


def _both(one: Moments, other: Moments) -> NDArray[np.bool_]:
    both: NDArray[np.bool_] = (one.at != NO_TIME) & (other.at != NO_TIME)
    return both


def _days_between(earlier: Moments, later: Moments) -> float:
    both = _both(earlier, later)
    if not both.any():
        return np.inf
    return float(np.median((later.at[both] - earlier.at[both]) / MICROSECONDS_A_DAY))


def _closing(steps: Steps) -> None:
    closed = steps.closed
    if closed is None or closed.all() or not closed.any() or "created_at" not in steps.known:
        return
    ends = {
        column: moments
        for column, moments in steps.free.items()
        if _only_of(moments, closed)
        and all(in_order(before.at, moments.at) for before in steps.known.values())
    }
    for column, moments in ends.items():
        if all(_is_before(other, moments) for name, other in ends.items() if name != column):
            steps.take("closed_at", column, "only won and lost leads have it, and latest")
            return


def _only_of(moments: Moments, leads: NDArray[np.bool_]) -> bool:
    """Tell whether nearly all of these leads have a time, and hardly any other."""
    there = moments.at != NO_TIME
    return bool(there[leads].mean() >= FILLED and there[~leads].mean() <= STRAY)


def _between(steps: Steps) -> None:
    known = steps.known
    if not {"created_at", "closed_at"} <= set(known):
        return
    middle = {
        column: moments
        for column, moments in steps.free.items()
        if _is_before(known["created_at"], moments) and _is_before(moments, known["closed_at"])
    }
    missing = [step for step in ("handed_off_at", "followed_up_at") if step not in known]
    if len(missing) == len(middle) == 2:
        (one, first), (other, second) = middle.items()
        if _leads_to(first, second):
            _take_both(steps, one, other)
        elif _leads_to(second, first):
            _take_both(steps, other, one)
    elif len(missing) == len(middle) == 1:
        _one_between(steps, missing[0], *middle)


def _take_both(steps: Steps, handed_off: str, followed_up: str) -> None:
    steps.take("handed_off_at", handed_off, "CHECK: the first time between creation and closing")
    steps.take("followed_up_at", followed_up, f"CHECK: after {handed_off}, and only where it is")


def _one_between(steps: Steps, step: str, column: str) -> None:
    moments = steps.free[column]
    if step == "followed_up_at" and _leads_to(steps.known["handed_off_at"], moments):
        steps.take(step, column, "CHECK: after the hand-off, and only where there was one")
    elif step == "handed_off_at" and _leads_to(moments, steps.known["followed_up_at"]):
        steps.take(step, column, "CHECK: before the follow-up, and always where there was one")


def _leads_to(earlier: Moments, later: Moments) -> bool:
    """Tell whether the later time comes after the earlier one, and hardly ever without it."""
    without = (later.at != NO_TIME) & (earlier.at == NO_TIME)
    stray = float(without.sum()) / max(1, int((later.at != NO_TIME).sum()))
    return stray <= STRAY and _is_before(earlier, later)
