import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from leadml.evaluation.delong import areas

WON = np.array([1, 1, 1, 0, 0, 0, 0], bool)
FIRST = np.array([5.0, 4, 2, 3, 2, 1, 1])
SECOND = np.array([3.0, 5, 4, 4, 1, 2, 0])


def outranks(won: float, lost: float) -> float:
    return 1.0 if won > lost else 0.5 if won == lost else 0.0


def by_pairs(won: np.ndarray, scores: list[np.ndarray], account: np.ndarray) -> np.ndarray:
    """Covariance by the definition: every pair of a won and a lost lead, account by account.

    Obuchowski 1997: the variance over accounts of what they add to the structural components.
    """
    winners, losers = np.flatnonzero(won), np.flatnonzero(~won)
    kernel = [[[outranks(s[i], s[j]) for j in losers] for i in winners] for s in scores]
    parts = np.array(kernel)
    mean = parts.mean(axis=(1, 2))
    of_won = parts.mean(axis=2) - mean[:, None]
    of_lost = parts.mean(axis=1) - mean[:, None]
    names = sorted(set(account.tolist()))
    a = np.array([of_won[:, account[winners] == n].sum(axis=1) for n in names]).T
    b = np.array([of_lost[:, account[losers] == n].sum(axis=1) for n in names]).T
    i10, i01 = len(set(account[winners])), len(set(account[losers]))
    m, n, i = len(winners), len(losers), len(names)
    cross = a @ b.T * i / (i - 1) / (m * n)
    return a @ a.T * i10 / (i10 - 1) / m**2 + b @ b.T * i01 / (i01 - 1) / n**2 + cross + cross.T


def test_area_and_variance_by_hand() -> None:
    # Won scores 5, 4, 2; lost 3, 2, 1, 1. 5 and 4 outrank all four lost; 2 ties with one and
    # outranks two: 2.5 of 4. Area (4 + 4 + 2.5) / 12 = .875.
    # Won components 1, 1, .625: variance (.125² · 2 + .25²) / 2 = .046875.
    # Lost components: 3 is outranked by 2 of 3, 2 by 2.5 of 3, each 1 by all: .6667 .8333 1 1,
    # about .875: (.04340 + .00174 + .015625 · 2) / 3 = .025463.
    # Variance of the area: .046875 / 3 + .025463 / 4 = .021991.
    found = areas(WON, [FIRST])
    assert found.auc[0] == 0.875
    assert found.covariance[0, 0] == pytest.approx(0.046875 / 3 + 0.0254630 / 4, rel=1e-5)


def test_alone_every_lead_is_an_account_of_its_own() -> None:
    alone = areas(WON, [FIRST, SECOND])
    apart = np.arange(7)
    # DeLong leaves out the products of won and lost components, which are 0 for single leads.
    assert areas(WON, [FIRST, SECOND], accounts=apart).covariance == pytest.approx(
        alone.covariance, abs=1e-12
    )
    assert alone.covariance == pytest.approx(by_pairs(WON, [FIRST, SECOND], apart), abs=1e-12)


def test_with_ties_and_accounts_as_by_all_pairs() -> None:
    random = np.random.default_rng(3)
    won = random.random(60) < 0.4
    scores = [np.round(random.normal(won, 1.0), 1) for _ in range(3)]
    account = random.integers(0, 25, 60)
    found = areas(won, scores, accounts=account)
    assert found.clustered
    assert found.covariance == pytest.approx(by_pairs(won, scores, account), abs=1e-12)
    assert found.auc == pytest.approx([roc_auc_score(won, score) for score in scores])


def test_a_difference_and_its_p_value() -> None:
    # Areas .875 and .875 (won 3, 5, 4 against 4, 1, 2, 0: 3 + 4 + 3.5 of 12 = 10.5): no difference.
    gap, p = areas(WON, [FIRST, SECOND]).difference(0, 1)
    assert (gap.value, p) == (0.0, 1.0)
    found = areas(WON, [FIRST, -FIRST])
    gap, p = found.difference(0, 1)
    # The rival's components are the mirror image: the difference has twice the standard error.
    error = 2 * np.sqrt(0.046875 / 3 + 0.0254630 / 4)
    assert gap.value == 0.75
    assert gap.high - gap.value == pytest.approx(1.959964 * error, rel=1e-5)
    # z = .75 / .29659 = 2.5287, two-sided p = .01145
    assert p == pytest.approx(0.01145, rel=1e-3)


def test_scores_that_rank_alike_do_not_differ() -> None:
    gap, p = areas(WON, [FIRST, 10 * FIRST + 3]).difference(0, 1)
    assert (gap.value, gap.low, gap.high, p) == (0, 0, 0, 1.0)


def test_an_interval_stays_inside_and_a_perfect_area_has_none() -> None:
    inside = areas(WON, [FIRST]).interval(0)
    assert 0 < inside.low < 0.875 < inside.high < 1
    # log-odds of .875 are 1.9459; the error there .14829 / (.875 · .125) = 1.35580
    assert inside.low == pytest.approx(1 / (1 + np.exp(-(1.94591 - 1.959964 * 1.35580))), rel=1e-4)
    perfect = areas(WON, [WON.astype(float)]).interval(0)
    assert (perfect.value, perfect.low, perfect.high) == (1, 1, 1)


def test_one_account_has_no_error_that_could_be_told() -> None:
    # All residuals of the one account cancel: rounding leaves 0, or just below.
    random = np.random.default_rng(0)
    for _ in range(50):
        score = random.normal(size=40)
        interval = areas(np.arange(40) < 15, [score], accounts=np.zeros(40, int)).interval(0)
        assert interval.low == pytest.approx(interval.high)


def test_one_outcome_alone_has_no_area() -> None:
    with pytest.raises(ValueError, match=r"^expected won and lost leads"):
        areas(np.ones(3, bool), [np.arange(3.0)])


def test_leads_of_one_account_are_one_piece_of_evidence() -> None:
    # Ten copies of 40 leads: the clustered error is that of the 40, DeLong's √10 too small.
    random = np.random.default_rng(1)
    won = np.tile([True, False], 20)
    score = random.normal(won, 1.0)
    ten = np.repeat(np.arange(40), 10)
    few = areas(won, [score]).covariance[0, 0]
    clustered = areas(won[ten], [score[ten]], accounts=ten).covariance[0, 0]
    naive = areas(won[ten], [score[ten]]).covariance[0, 0]
    assert clustered == pytest.approx(few, rel=1e-9)
    assert few / naive == pytest.approx(10, rel=0.1)
