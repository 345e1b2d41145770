"""The line of accounts: how far the product over an account's leads is from what happens."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from leadml.model.accounts import AccountLine, Grouped
from leadml.model.scorecard import probability

Numbers = NDArray[np.float64]
Outcomes = NDArray[np.int8]
Places = NDArray[np.intp]

FEWEST_OF_EACH = 10
"""Fewest accounts of several leads that won one, and that won none, from which a line is fitted."""
SPREADS = np.array([0.1, 0.25, 0.25])
"""Standard deviations of the normal priors of intercept, slope and contacts that draw the line to
the plain product: the level is settled by the leads, what several of them add is not."""
PARTS = 5
"""Parts of the accounts, each told by a line that the others taught."""
_IDENTITY = np.array([0.0, 1.0, 0.0])


@dataclass(frozen=True)
class FittedAccounts:
    """A line, and those of every part of the accounts that the other parts taught.

    Attributes
    ----------
    line : AccountLine
        The identity where it does worse than the product, or accounts are too few.
    parts : tuple of AccountLine
        For every part the line fitted on the others.
    why : str
        Why it is the product; empty for a line.
    product_loss, line_loss : float or None
        Mean log loss over the accounts of several leads, each told by the other parts.
    """

    line: AccountLine
    parts: tuple[AccountLine, ...]
    why: str = ""
    product_loss: float | None = None
    line_loss: float | None = None

    def told(self, found: Grouped, part: Places) -> Numbers:
        """Return the probability of each account by the line that it did not teach."""
        each = np.stack([line.probability(found) for line in self.parts])
        told: Numbers = each[part, np.arange(len(part))]
        return told


def fit_accounts(found: Grouped, won: Outcomes, part: Places) -> FittedAccounts:
    """Fit the line by penalised maximum likelihood; the product stays where that is better.

    Better by one standard error of the paired difference: the priors alone keep a line of few
    accounts near the product, and its mean is right where leads hang together.

    Parameters
    ----------
    found : Grouped
        Accounts with out-of-time probabilities of their leads.
    won : int8 array, shape (accounts,)
        1 where at least one lead became sales-ready.
    part : int array, shape (accounts,)
        From 0 to `PARTS` - 1; one company stays in one part.
    """
    several = found.leads > 1
    plain = (AccountLine(),) * PARTS
    fewest = min(int(won[several].sum()), int((1 - won[several]).sum()))
    if fewest < FEWEST_OF_EACH:
        why = (
            f"fewer than {FEWEST_OF_EACH} accounts with several leads won one, or fewer than that "
            "won none: too few to tell how their leads hang together"
        )
        return FittedAccounts(AccountLine(), plain, why)
    lines = tuple(_fit(found, won, part != number) for number in range(PARTS))
    fitted = FittedAccounts(_fit(found, won, np.ones(len(won), bool)), lines)
    product = _losses(found.product[several], won[several])
    line = _losses(fitted.told(found, part)[several], won[several])
    worse, means = line - product, (float(product.mean()), float(line.mean()))
    if worse.mean() > worse.std(ddof=1) / np.sqrt(len(worse)):
        why = "a line through their outcomes told accounts worse than the product does"
        return FittedAccounts(AccountLine(), plain, why, *means)
    return replace(fitted, product_loss=means[0], line_loss=means[1])


def _fit(found: Grouped, won: Outcomes, rows: NDArray[np.bool_]) -> AccountLine:
    """Fit on some accounts by Newton's method; a slope at or below 0 would turn the order round."""
    columns = np.stack([np.ones(len(won)), found.log_odds, np.log(found.leads)], axis=1)[rows]
    line, y = _IDENTITY.copy(), won[rows]
    for _ in range(50):
        p = probability(columns @ line)
        slope = columns.T @ (y - p) - (line - _IDENTITY) / SPREADS**2
        curve = (columns * (p * (1 - p))[:, None]).T @ columns + np.diag(1 / SPREADS**2)
        step = np.linalg.solve(curve, slope)
        line += np.clip(step, -1, 1)
        if np.abs(step).max() < 1e-9:
            break
    return AccountLine(*map(float, line)) if line[1] > 0 else AccountLine()


def _losses(p: Numbers, won: Outcomes) -> Numbers:
    """Return the log loss of every account."""
    inside = np.clip(p, 1e-12, 1 - 1e-12)
    return -np.where(won == 1, np.log(inside), np.log1p(-inside))
