"""How leads of an account hang together: recovered from simulated companies with known truth."""

import numpy as np
import pytest

from leadml.data.simulate import simulate
from leadml.model.account_fit import PARTS, fit_accounts
from leadml.model.accounts import AccountLine, Grouped, grouped
from leadml.model.scorecard import log_odds_of, probability


def company(effect: float, seed: int, leads: int = 3000) -> tuple[Grouped, np.ndarray, np.ndarray]:
    """Return accounts by what a perfect model says of each lead, their outcome and true chance.

    The truth knows the company's own effect, which no lead's record shows.
    """
    crm = simulate(leads, seed=seed, account_effect=effect, neglect=0.0, rep_skill=0.0)
    truth, exported = crm.truth, crm.leads
    kept = (truth["handed_off"] & truth["followed_up"]).to_numpy()
    account = np.unique(exported["company"][kept].to_numpy().astype(str), return_inverse=True)[1]
    own = log_odds_of(truth["probability"][kept].to_numpy())
    p = truth["probability_given_account"][kept].to_numpy()
    rng = np.random.default_rng(seed)
    won = rng.random(len(p)) < p
    accounts = int(account.max()) + 1
    true = -np.expm1(np.bincount(account, weights=np.log1p(-p)))
    outcome = np.zeros(accounts, np.int8)
    np.maximum.at(outcome, account, won.astype(np.int8))
    return grouped(own, account, accounts), outcome, true


def parts(found: Grouped) -> np.ndarray:
    return np.arange(len(found.leads)) % PARTS


def test_calibration_improves_where_leads_of_a_company_share_its_fate() -> None:
    sizes, gaps, left = [], [], []
    for seed in (1, 2, 3):
        found, won, true = company(1.0, seed)
        fitted = fit_accounts(found, won, parts(found))
        assert (fitted.why, fitted.line.contacts < 0) == ("", True)
        sizes.append(found.leads)
        gaps.append(found.product - true)
        left.append(fitted.told(found, parts(found)) - true)
    size, plain, told = (np.concatenate(each) for each in (sizes, gaps, left))
    assert abs(told[size == 2].mean()) < 0.02
    for fewest, most in ((3, 5), (6, 99)):
        group = (size >= fewest) & (size <= most)
        # the product is too sure: where one lead is won others are likely to be
        assert plain[group].mean() > 0.015
        assert abs(told[group].mean()) < 0.6 * plain[group].mean()


def test_where_companies_do_not_differ_the_line_stays_near_the_product() -> None:
    for seed in (4, 5):
        found, won, true = company(0.0, seed)
        told = fit_accounts(found, won, parts(found)).told(found, parts(found))
        several = found.leads > 1
        assert told[several].mean() == pytest.approx(true[several].mean(), abs=0.03)


def test_each_account_is_told_by_the_others() -> None:
    found, won, _ = company(1.0, 1)
    part = parts(found)
    told = fit_accounts(found, won, part).told(found, part)
    turned = won.copy()
    turned[part == 2] = 1 - turned[part == 2]
    again = fit_accounts(found, turned, part)
    assert again.parts[2] == fit_accounts(found, won, part).parts[2]
    assert again.parts[1] != fit_accounts(found, won, part).parts[1]
    assert told[part == 2] == pytest.approx(again.parts[2].probability(found)[part == 2])


def test_few_accounts_have_the_product() -> None:
    # nine accounts of two leads that won one, and nine that did not
    own = np.zeros(36)
    found = grouped(own, np.repeat(np.arange(18), 2), 18)
    fitted = fit_accounts(found, (np.arange(18) % 2).astype(np.int8), parts(found))
    assert fitted.line == AccountLine()
    assert "fewer than 10 accounts with several leads" in fitted.why
    assert fitted.told(found, parts(found)) == pytest.approx(np.full(18, 0.75))


def test_with_few_accounts_the_line_is_drawn_to_the_product() -> None:
    # accounts of two leads of .5: 75 % by the product. 40 % of 20 and of 20,000 won one
    lines = []
    for accounts in (30, 30_000):
        found = grouped(np.zeros(2 * accounts), np.repeat(np.arange(accounts), 2), accounts)
        won = (np.arange(accounts) % 5 < 2).astype(np.int8)
        lines.append(fit_accounts(found, won, np.arange(accounts) // 5 % PARTS))
    few, many = (float(fit.line.probability(found)[0]) for fit in lines)
    assert many == pytest.approx(0.5)  # no lower than the best lead allows
    assert 0.55 < few < 0.72
    z = lines[1].line
    at = z.intercept + z.slope * np.log(3) + z.contacts * np.log(2)
    assert float(probability(np.array(at))) == pytest.approx(0.4, abs=0.01)


def test_a_line_that_tells_accounts_worse_is_not_taken() -> None:
    # two leads of 26.9 %: 46.5 % by the product, and so over all; but a fifth of the accounts won
    # 10 % and the others more, so that what four fifths teach is wrong of the last
    accounts = 500
    found = grouped(np.full(2 * accounts, -1.0), np.repeat(np.arange(accounts), 2), accounts)
    part = np.repeat(np.arange(PARTS), accounts // PARTS)
    rate = np.array([0.1, 0.1, 0.46, 0.83, 0.83])[part]
    won = (np.arange(accounts) % 100 < 100 * rate).astype(np.int8)
    fitted = fit_accounts(found, won, part)
    assert "worse than the product" in fitted.why
    assert fitted.line == AccountLine()
    assert fitted.told(found, part) == pytest.approx(found.product)
    assert fitted.line_loss is not None
    assert fitted.product_loss is not None
    assert fitted.line_loss > fitted.product_loss
