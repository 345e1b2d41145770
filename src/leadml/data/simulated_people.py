"""Who the simulated leads are: companies, people, budgets, each with its true effect."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Texts = NDArray[np.object_]

# value -> (share of leads, true effect on the log-odds of a win)
INDUSTRIES = {
    "Software": (0.22, 0.35),
    "Manufacturing": (0.18, 0.20),
    "Financial services": (0.13, 0.15),
    "Healthcare": (0.12, 0.0),
    "Retail": (0.12, -0.15),
    "Logistics": (0.09, 0.05),
    "Education": (0.08, -0.55),
    "Public sector": (0.06, -0.35),
}
COUNTRIES = {
    "Germany": (0.26, 0.1),
    "United States": (0.24, 0.15),
    "United Kingdom": (0.16, 0.0),
    "France": (0.12, -0.05),
    "Netherlands": (0.09, 0.1),
    "Spain": (0.08, -0.2),
    "India": (0.05, -0.5),
}
JOB_TITLES = {
    "CEO": (0.08, 0.5),
    "VP Operations": (0.09, 0.55),
    "Head of IT": (0.14, 0.4),
    "Operations Manager": (0.20, 0.2),
    "Analyst": (0.17, -0.2),
    "Engineer": (0.14, -0.05),
    "Consultant": (0.10, -0.6),
    "Student": (0.08, -1.8),
}
SOURCES = {
    "Organic search": (0.22, 0.1),
    "Paid search": (0.20, -0.1),
    "Referral": (0.10, 0.7),
    "Partner": (0.08, 0.5),
    "Webinar": (0.12, 0.1),
    "Trade show": (0.10, 0.0),
    "Content download": (0.12, -0.4),
    "Purchased list": (0.06, -1.1),
}
REPS = ("Adler", "Brandt", "Conti", "Dubois", "Evans", "Fischer", "Garcia", "Haas")
REP_SHARES = np.array([0.20, 0.17, 0.15, 0.13, 0.12, 0.10, 0.08, 0.05])

TYPICAL_SIZE = 180.0  # employees
TYPICAL_BUDGET = 15_000.0  # currency units a year
LEADS_PER_ACCOUNT = 1.6
LEADS_PER_BUYING_ACCOUNT = 6.0
"""Where companies differ in a way of their own, they come as buying groups."""

_NAME_STARTS = ("North", "Blue", "Silver", "Prime", "Alpen", "River", "Delta", "Nova", "Iron")
_NAME_ENDS = ("works", "soft", "logic", "trade", "data", "parts", "care", "lines", "bank", "lab")
_NAME_FORMS = ("GmbH", "Inc.", "Ltd", "AG", "BV", "SAS")


@dataclass(frozen=True)
class People:
    """Attributes of every lead at creation; arrays of shape (leads,).

    Attributes
    ----------
    account : int array
        Which company the lead belongs to.
    company, industry, country, job_title, source : object arrays of str or None
        As the CRM shows them; None where nobody filled the field in.
    company_size : int array
        Employees.
    budget : float array
        Currency units a year; NaN where unknown.
    intent : float array
        Hidden interest, standard normal: it moves activities, never the outcome directly.
    effect : float array
        Log-odds of a win that the visible attributes add up to.
    """

    account: NDArray[np.intp]
    company: Texts
    industry: Texts
    country: Texts
    job_title: Texts
    source: Texts
    company_size: NDArray[np.int64]
    budget: Floats
    intent: Floats
    effect: Floats


def draw_people(
    rng: np.random.Generator, leads: int, per_account: float = LEADS_PER_ACCOUNT
) -> People:
    """Draw who the leads are; leads of one company share its industry, country and size."""
    accounts = max(1, round(leads / per_account))
    account = rng.integers(accounts, size=leads)
    company = _company_names(rng, accounts)[account]
    industry, industry_effect = _draw_category(rng, INDUSTRIES, accounts)
    country, country_effect = _draw_category(rng, COUNTRIES, accounts)
    log_size = rng.normal(np.log(TYPICAL_SIZE), 1.4, accounts)
    size = np.exp(np.clip(log_size, 0.7, 10.0)).astype(np.int64)[account]
    title, title_effect = _draw_category(rng, JOB_TITLES, leads)
    source, source_effect = _draw_category(rng, SOURCES, leads)
    intent = rng.standard_normal(leads)
    budget = _draw_budget(rng, size, intent)
    effect = industry_effect[account] + country_effect[account] + title_effect + source_effect
    unknown_title = rng.random(leads) < 0.06
    unknown_industry = (rng.random(accounts) < 0.05)[account]
    effect -= np.where(unknown_title, title_effect, 0.0)
    effect -= np.where(unknown_industry, industry_effect[account], 0.0)
    return People(
        account=account,
        company=company,
        industry=_blank(industry[account], unknown_industry),
        country=country[account],
        job_title=_blank(title, unknown_title),
        source=source,
        company_size=size,
        budget=budget,
        intent=intent,
        effect=effect + _size_effect(size) + _budget_effect(budget),
    )


def _draw_category(
    rng: np.random.Generator, table: dict[str, tuple[float, float]], n: int
) -> tuple[Texts, Floats]:
    shares = np.array([share for share, _ in table.values()])
    drawn = rng.choice(len(table), size=n, p=shares / shares.sum())
    effects = np.array([effect for _, effect in table.values()])
    return np.array(list(table), object)[drawn], effects[drawn]


def _blank(texts: Texts, where: NDArray[np.bool_]) -> Texts:
    blanked = texts.copy()
    blanked[where] = None
    return blanked


def _company_names(rng: np.random.Generator, accounts: int) -> Texts:
    starts, ends, forms = (
        rng.integers(len(part), size=accounts) for part in (_NAME_STARTS, _NAME_ENDS, _NAME_FORMS)
    )
    names = [
        f"{_NAME_STARTS[start]}{_NAME_ENDS[end]} {number} {_NAME_FORMS[form]}"
        for number, (start, end, form) in enumerate(zip(starts, ends, forms, strict=True), 1)
    ]
    return np.array(names, object)


def _draw_budget(rng: np.random.Generator, size: NDArray[np.int64], intent: Floats) -> Floats:
    centre = np.log(TYPICAL_BUDGET) + 0.35 * np.log(size / TYPICAL_SIZE)
    budget = np.round(np.exp(rng.normal(centre, 0.7)) / 500) * 500
    unknown = rng.random(len(size)) < np.clip(0.45 - 0.1 * intent, 0.05, 0.95)
    return np.where(unknown, np.nan, np.maximum(budget, 500.0))


def _size_effect(size: NDArray[np.int64]) -> Floats:
    """Companies of some 300 employees buy best; the very small and very large rarely."""
    effect: Floats = -0.18 * np.log(size / 300.0) ** 2
    return np.maximum(effect, -2.5)


def _budget_effect(budget: Floats) -> Floats:
    known = 0.25 * np.clip(np.log(budget / TYPICAL_BUDGET) / 0.8, -2.5, 2.5)
    return np.where(np.isnan(budget), -0.3, known)
