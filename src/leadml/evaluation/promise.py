"""The hand-off threshold in words: what is promised, what it rests on, what it brings."""

from collections.abc import Iterator, Mapping
from typing import Any

from leadml.domain.agreement import Agreement
from leadml.domain.handoff import HandoffPolicy
from leadml.evaluation.pool import FEWEST_WINS

LONGEST_WAIT = 60.0
"""Months beyond which waiting for outcomes is no advice."""

Cut = Mapping[str, Any]


def promise_words(
    cut: Cut, agreement: Agreement, policy: HandoffPolicy, *, served: bool = False
) -> tuple[str, ...]:
    """Return the promise, what it rests on and what it brings, in sentences.

    Parameters
    ----------
    cut : mapping
        `leadml.evaluation.threshold.Threshold`, JSON-ready.
    served : bool
        Whether it was read from served probabilities rather than from out-of-time predictions.
    """
    sentences = [_promise(cut, agreement, policy), *_settled(cut, agreement, served=served)]
    return (*sentences, *_brings(cut), *_of_all(cut), *_rests_on(cut))


def _promise(cut: Cut, agreement: Agreement, policy: HandoffPolicy) -> str:
    target, sure = percent(agreement.close_rate), percent(agreement.confidence)
    if cut["basis"] == "none":
        return (
            f"Nobody is handed off: no group of leads with at least {percent(cut['floor'])} each "
            f"reached the agreed close rate of {target}, or fewer than {FEWEST_WINS} were won and "
            "there are no points to go by."
        )
    if cut["basis"] == "points":
        return (
            f"The agreed points decide: fewer than {FEWEST_WINS} leads with an out-of-time "
            f"prediction were won, too few to read a cut from.{_closed(cut)}"
        )
    text = f"{_handed_off(cut, policy)}.{_closed(cut)}"
    if cut["basis"] == "guaranteed":
        return (
            f"{text} That shows with {sure} confidence that such leads, followed up as now, close "
            f"at {target} or more."
        )
    if not cut["volume"]:
        return f"{text} No lead got as far before its outcome was known."
    return (
        f"{text} The true rate lies between {percent(cut['low'])} and {percent(cut['high'])}, "
        f"each bound with {sure} confidence."
    )


def _closed(cut: Cut) -> str:
    if not cut["volume"]:
        return ""
    return (
        f" Of {cut['volume']:,} such leads, each judged before its outcome was known, "
        f"{cut['won']:,} closed: {percent(cut['expected_close_rate'])}."
    )


def _handed_off(cut: Cut, policy: HandoffPolicy) -> str:
    least = percent(cut["probability"])
    if cut["policy"] == "each":
        return f"Every lead with a probability of at least {least} is handed off"
    if cut["policy"] == "capacity" and policy.capacity is not None:
        who = " of each representative" if cut["reps"] else ""
        return f"The best {policy.capacity:g} leads a week{who} are handed off, from {least} on"
    if cut["policy"] == "profit":
        cost = f"{cut['profit_cut']:,.0f}"
        return f"Leads whose expected margin exceeds {cost} are handed off, none below {least}"
    return f"Leads with a probability of at least {least} are handed off"


def _settled(cut: Cut, agreement: Agreement, *, served: bool) -> Iterator[str]:
    """Say how sure it is, and what would settle it."""
    if cut["basis"] == "guaranteed":
        why = (
            "several versions may have served these probabilities"
            if served
            else "the model was fitted again on all leads since, some choices were made for all "
            "periods at once"
        )
        yield f"The guarantee is approximate: {why}, and the future need not be like the past."
    if cut["basis"] != "estimated" or not cut["volume"]:
        return
    target, more, months = percent(agreement.close_rate), cut["more_outcomes"], cut["more_months"]
    if cut["won"] < agreement.close_rate * cut["volume"]:
        yield f"That is less than the agreed {target}: the policy hands off regardless of it."
    elif more is None:
        yield f"That is the agreed {target} exactly: no number of outcomes like these settles it."
    elif more == 0:
        yield (
            f"The agreed {target} is likely but not proven: a stricter group failed the test, or "
            "leads of another level had to be added, so this one could not be tested by itself."
        )
    elif months is not None and months <= LONGEST_WAIT:
        yield (
            f"The agreed {target} is likely but not proven: at this rate some {_round(more)} more "
            f"outcomes of such leads would settle it, {_months(months)} at the present pace."
        )
    else:
        yield (
            f"The agreed {target} is as likely as not, and so near that outcomes will not settle "
            f"it soon: at this rate it would take some {_round(more)} more of them."
        )


def _brings(cut: Cut) -> Iterator[str]:
    parts = []
    if cut["handoffs_a_month"] is not None:
        margin = cut["margin_a_month"]
        money = "" if margin is None else f" and a margin of {_money(margin)}"
        parts.append(
            f"Expected a month: {_count(cut['handoffs_a_month'])} hand-offs, "
            f"{_count(cut['wins_a_month'])} wins{money}"
        )
    if cut["recall"] is not None:
        parts.append(f"{percent(cut['recall'])} of all winners are caught")
    if cut["weakest"] is not None:
        parts.append(
            f"the weakest lead handed off had {percent(cut['weakest'])} (the floor is "
            f"{percent(cut['floor'])})"
        )
    if parts:
        yield "; ".join(parts) + "."


def _of_all(cut: Cut) -> Iterator[str]:
    every = cut["close_rate_of_all"]
    if every is not None:
        anew = " (one from each company, drawn anew)" if (cut["pool"] or {}).get("accounts") else ""
        yield (
            f"The promise is about leads that sales follows up. Of all {every['leads']:,} above "
            f"the cut{anew}, those it never worked or worked too late among them, {every['won']:,} "
            f"closed: {percent(every['value'])} ({percent(every['low'])} to "
            f"{percent(every['high'])})."
        )


def _rests_on(cut: Cut) -> Iterator[str]:
    pool = cut["pool"]
    if pool is None:
        return
    accounts = pool["accounts"]
    alone = "" if accounts is None else f", one from each of {accounts:,} companies"
    when, knowing = "", "knowing only the outcomes of others"
    if pool["from"]:
        when = f" of {pool['from'][:10]} to {pool['to'][:10]}"
        knowing = "knowing earlier outcomes only"
    whose = f"{pool['leads']:,} leads{when}{alone}"
    yield f"It rests on {whose}, each predicted {knowing}: {pool['why']}."


def percent(share: float) -> str:
    """Return a share as a percentage with at most one decimal.

    Examples
    --------
    >>> percent(0.3), percent(0.2346)
    ('30 %', '23.5 %')
    """
    tenths = round(1000 * share)
    return f"{tenths / 10:.1f} %" if tenths % 10 else f"{tenths // 10} %"


def _count(number: float) -> str:
    return f"{number:,.0f}" if number >= 20 else f"{number:.1f}"


def _round(number: int) -> str:
    """Return a number with two significant digits from a hundred on: more would be pretence."""
    digits = max(0, len(str(number)) - 2)
    return f"{round(number, -digits):,}" if number >= 100 else str(number)


def _months(months: float) -> str:
    if months < 1.5:
        return "about a month"
    return f"about {months:.0f} months" if months < 24 else f"about {months / 12:.0f} years"


def _money(margin: Mapping[str, float]) -> str:
    low, value, high = (f"{margin[key]:,.0f}" for key in ("low", "value", "high"))
    return value if low == high else f"{value} ({low} to {high})"
