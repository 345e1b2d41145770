"""What a training run learns of accounts, and how an account's probability holds by its size."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadml.evaluation.close_rate import close_rate
from leadml.model.account_fit import PARTS, FittedAccounts, fit_accounts
from leadml.model.accounts import SIZES, AccountLine, Grouped, grouped, size_of
from leadml.model.calibration import level_shift
from leadml.model.selection import Selection
from leadml.snapshot.split import Folds
from leadml.workflows.lesson import Lesson
from leadml.workflows.material import Material

Numbers = NDArray[np.float64]
Rows = NDArray[np.intp]
Flags = NDArray[np.bool_]


def accounts_of_run(
    lesson: Lesson, selection: Selection, folds: Folds, material: Material, confidence: float
) -> dict[str, Any] | None:
    """Learn how the leads of an account hang together; the manifest's ``accounts``.

    None where no account is mapped. Accounts are judged in windows: a lead joins an earlier lead of
    its account as long as the model that predicted it had not learnt that one's outcome; then a
    new window begins.
    """
    if material.accounts is None:
        return None
    rows = selection.rows
    named = material.accounts.of[lesson.rows[rows]]
    rows, named = rows[named >= 0], named[named >= 0]
    window = windows_of(named, rows, lesson, folds)
    windows = int(window.max()) + 1 if len(window) else 0
    forward, won = selection.forward[rows], lesson.y[rows]
    together = np.zeros(windows, np.int8)
    np.maximum.at(together, window, won)
    part = np.zeros(windows, np.intp)
    part[window] = named % PARTS
    fitted = fit_accounts(grouped(_levelled(forward, won), window, windows), together, part)
    found = grouped(forward, window, windows)
    sizes = by_size(fitted.told(found, part), found, together, confidence)
    return _told(fitted, sizes, found)


def _levelled(forward: Numbers, won: NDArray[np.int8]) -> Numbers:
    """Set the leads' level to what was observed, so that the line says what accounts add alone."""
    share = float(won.mean()) if len(won) else 0.0
    return forward if share in (0.0, 1.0) else forward + level_shift(forward, share)


def windows_of(named: Rows, rows: Rows, lesson: Lesson, folds: Folds) -> Rows:
    """Return the window of every tested lead, numbered from 0.

    Parameters
    ----------
    named : int array, shape (leads,)
        Each lead's account.
    rows : int array, shape (leads,)
        Its position in the lesson.
    """
    fold = np.zeros(len(lesson.y), np.intp)
    for number, (_, test) in enumerate(folds):
        fold[test] = number
    limit = _limits(folds)
    window, last = np.empty(len(rows), np.intp), -1
    first: dict[int, tuple[int, int, int]] = {}
    order = np.argsort(lesson.as_of[rows], kind="stable")
    for place in order.tolist():
        account, own = int(named[place]), int(fold[rows[place]])
        moment = int(lesson.as_of[rows[place]])
        begun = first.get(account if limit else account * len(folds) + own)
        if begun is None or (limit and own != begun[2] and begun[1] <= limit[own]):
            last += 1
            begun = (last, moment, own)
            first[account if limit else account * len(folds) + own] = begun
        window[place] = begun[0]
    return window


def _limits(folds: Folds) -> list[int]:
    """Return the latest moment whose outcome each fold's model knew; empty without an order."""
    if not folds.ordered or folds.at is None:
        return []
    return [folds.limit(number) for number in range(len(folds))]


def by_size(
    told: Numbers, found: Grouped, won: NDArray[np.int8], confidence: float
) -> list[dict[str, Any]]:
    """Return predicted and observed shares by account size, sizes without accounts left out.

    Bounds are exact one-sided ones, each at the confidence, accounts taken as independent.
    """
    sizes, rows = size_of(found.leads), []
    for name, _, _ in SIZES:
        group = sizes == name
        if not group.any():
            continue
        accounts, wins = int(group.sum()), int(won[group].sum())
        rows.append(
            {
                "size": name,
                "accounts": accounts,
                "won": wins,
                "predicted": float(told[group].mean()),
                "product": float(found.product[group].mean()),
                "observed": close_rate(wins, accounts, confidence).to_dict(),
            }
        )
    return rows


def _told(fitted: FittedAccounts, sizes: list[dict[str, Any]], found: Grouped) -> dict[str, Any]:
    return {
        "basis": "product" if fitted.why else "calibrated",
        "why": fitted.why or None,
        "line": fitted.line.to_dict(),
        "accounts": len(found.leads),
        "of_several": int((found.leads > 1).sum()),
        "log_loss_of_several": {"product": fitted.product_loss, "told": fitted.line_loss},
        "by_size": sizes,
    }


def accounts_evaluated(
    log_odds: Numbers,
    won: Flags,
    account: Rows,
    manifest: dict[str, Any] | None,
    confidence: float,
) -> dict[str, Any]:
    """Hold an account's probability against what happened, by size, on leads evaluated.

    Parameters
    ----------
    log_odds : float array, shape (leads,)
    won : bool array, shape (leads,)
    account : int array, shape (leads,)
        -1 where none is known: these are left out and counted.
    manifest : dict or None
        The version's ``accounts``.
    """
    named = account >= 0
    number = np.unique(account[named], return_inverse=True)[1].reshape(-1)
    accounts = int(number.max()) + 1 if len(number) else 0
    found = grouped(log_odds[named], number, accounts)
    together = np.zeros(accounts, np.int8)
    np.maximum.at(together, number, won[named].astype(np.int8))
    told = AccountLine.from_manifest(manifest).probability(found)
    return {
        "basis": (manifest or {}).get("basis") or "product",
        "accounts": accounts,
        "won": int(together.sum()),
        "leads_without_account": int((~named).sum()),
        "by_size": by_size(told, found, together, confidence),
    }
