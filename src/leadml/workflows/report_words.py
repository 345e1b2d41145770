"""How the report's numbers came about, and what is uncertain about these ones."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from leadml.data.values import NO_TIME
from leadml.evaluation.agreement_text import days
from leadml.evaluation.promise import percent
from leadml.snapshot.labels import UNUSABLE
from leadml.workflows.months import only_midnights
from leadml.workflows.report_scope import Scope


def method_of(scope: Scope) -> list[str]:
    """Return in sentences how the numbers came about."""
    agreement = scope.agreement
    sure = percent(agreement.confidence)
    grace = f" and {days(agreement.grace_days)} of grace" if agreement.grace_days else ""
    sentences = [
        f"A hand-off matures when {days(agreement.horizon_days)}{grace} have passed since, and "
        "counts only then, however early it closed: quick wins would flatter, quick losses would "
        "belittle.",
        f"Followed up means within {days(agreement.follow_up_days)} of the hand-off. A recorded "
        "win without a recorded follow-up is proof of one; the verdict has to hold without such "
        "wins as well.",
    ]
    if scope.window is None:
        sentences.append(
            "The verdict rests on a confidence sequence (beta-binomial mixture): its bounds hold "
            f"at all looks together with {sure} confidence each, so that one may look every week."
        )
    return [
        *sentences,
        "All other bounds of close rates are exact one-sided binomial ones (Clopper and Pearson "
        f"1934), each with {sure} confidence: valid for one look, leads taken as independent.",
        "The funnel counts one cohort: matured hand-offs, and leads never handed off that came in "
        "as long ago. Shares are of the stage before; leads that skipped it do not count in them.",
        "Waiting times are Kaplan and Meier's (1958) over all hand-offs; a lead never followed up "
        "goes on waiting.",
        "Representatives' rates are drawn to the team's (one random intercept each); their bounds "
        "hold for all of them together.",
        "Slices, months, speeds, explored leads and any window describe; none carries a verdict.",
    ]


def uncertain_of(scope: Scope, values: dict[str, Any]) -> list[str]:
    """Return what is uncertain about these data, in sentences; nothing that does not apply."""
    return [
        *_unrecorded(scope, values),
        *_of_follow_up(scope, values),
        *_reopened(scope),
        *_of_scores(scope),
        *_of_accounts(scope),
        *_of_span(scope, values),
        *_of_targets(scope),
    ]


def _unrecorded(scope: Scope, values: dict[str, Any]) -> Iterator[str]:
    agreement, leads = scope.agreement, scope.material.leads
    if not values["margin_checked"]:
        yield (
            "Margins are not checked, so every win counts as solid."
            if agreement.min_margin <= 0
            else "The agreement asks for a margin but none is mapped, so every win counts as solid."
        )
    elif leads.margin is not None:
        unknown = int(
            (scope.matured & scope.judged.won_at_any_margin & np.isnan(leads.margin)).sum()
        )
        if unknown:
            yield (
                f"{_many(unknown, 'win')} without a margin on record: not counted as solid, so the "
                "close rate may be higher."
            )
    unusable = {code: int((scope.judged.why_not == code).sum()) for code in UNUSABLE}
    if unusable["ROW003"]:
        yield (
            f"{_many(unusable['ROW003'], 'lead')} with neither a creation nor a hand-off time: "
            "missing from the first stage of the funnel."
        )
    if unusable["ROW001"] + unusable["ROW004"]:
        yield (
            f"{_many(unusable['ROW001'] + unusable['ROW004'], 'lead')} that could not be used (no "
            "id, times that cannot be read, or closed before the hand-off): counted nowhere."
        )
    if len(scope.usable) and (scope.judged.handed_off | ~scope.usable).all():
        yield (
            "Every lead of the data was handed off: how many came in and were held back cannot be "
            "seen, so the first stages of the funnel say little."
        )
    if "closed_at" not in leads.times:
        yield "Closing times are not mapped: when a lead was won is not known, only that it was."


def _of_follow_up(scope: Scope, values: dict[str, Any]) -> Iterator[str]:
    if not scope.judged.follow_up_recorded:
        yield "Follow-ups are not recorded: neglect cannot be seen and counts as work."
        return
    if values["closed_in_bulk"]:
        yield (
            f"{_many(values['closed_in_bulk'], 'matured hand-off')} closed as lost in bulk without "
            "a follow-up before: counted as never worked."
        )
    yield from _proven_by_wins(scope, values)
    if only_midnights(scope.times("followed_up_at"), scope.timezone):
        yield "Follow-up times are dates, so hours between hand-off and follow-up are not known."
    if scope.agreement.counts == "followed_up" and (values["follow_up_share"] or 1.0) < 1.0:
        yield (
            "The close rate is that of the leads sales chose to follow up in time; had it worked "
            "all, the rate could be another one."
        )


def _of_targets(scope: Scope) -> Iterator[str]:
    profit = scope.material.leads.profit
    if profit is None or "margin" not in scope.settings.targets.set():
        return
    won = scope.usable & scope.judged.handed_off & scope.judged.won_ever
    unknown = int((won & np.isnan(profit)).sum())
    if unknown:
        yield (
            f"{_many(unknown, 'win')} without a recorded margin: nothing of it counts towards the "
            "monthly margin."
        )


def _proven_by_wins(scope: Scope, values: dict[str, Any]) -> Iterator[str]:
    """Tell of wins that nothing but themselves shows to have been followed up."""
    if scope.agreement.counts != "followed_up":
        return
    unlogged = scope.times("followed_up_at") == NO_TIME
    leads = int((scope.matured & scope.judged.followed_up & scope.judged.won & unlogged).sum())
    sequence = values["sequence"]
    wins = leads if sequence is None else sequence["won_without_follow_up"]
    if not wins:
        return
    rate = None if sequence is None else sequence["recorded_only"]["value"]
    without = "" if rate is None else f"; without them the close rate is {percent(rate)}"
    yield (
        f"{_many(wins, 'win')} without a recorded follow-up{without}. Where calls go unlogged, "
        "wins count and losses do not, so that the close rate looks better than it is."
    )


def _reopened(scope: Scope) -> Iterator[str]:
    """Tell of wins in time that no longer stand: a ledger knows of them, an export does not."""
    if scope.origin != "ledger":
        return
    state = scope.material.leads.raw("state")
    stands = np.array([*(value == "won" for value in state.values), False])[state.codes]
    reopened = int((scope.matured & scope.judged.won & ~stands).sum())
    if reopened:
        yield (
            f"{_many(reopened, 'lead')} won in time and reopened or lost after the horizon: "
            "counted as won; a win recorded by mistake is taken back with a corrected event."
        )


def _of_scores(scope: Scope) -> Iterator[str]:
    probability = scope.material.leads.probability
    if probability is None or not np.isfinite(probability).any():
        yield "No served probability is recorded: whether the scores came true cannot be seen."
        return
    lacking = int((scope.matured & ~np.isfinite(probability)).sum())
    if lacking:
        yield (
            f"{_many(lacking, 'matured hand-off')} without a served probability: no part of "
            "whether the scores came true."
        )
    if scope.origin == "export":
        yield (
            "Probabilities and points are taken as those of the hand-off; where the CRM overwrote "
            "them later, they know more than they did then."
        )


def _of_accounts(scope: Scope) -> Iterator[str]:
    if scope.accounts is None:
        return
    counted = int(scope.matured.sum())
    companies = len(np.unique(scope.accounts[scope.matured]))
    if companies >= counted:
        return
    many = f"{counted:,} matured hand-offs of {_many(companies, 'company', 'companies')}"
    if scope.agreement.unit == "account":
        yield (
            f"{many}: the verdict counts companies, but slices, months, speeds and every other "
            "rate count leads, which share their company's fate, so their bounds are too narrow."
        )
        return
    yield (
        f"{many}: leads of one company share its fate, so bounds that count leads are too narrow; "
        '[sales_ready] unit = "account" counts companies.'
    )


def _of_span(scope: Scope, values: dict[str, Any]) -> Iterator[str]:
    since = scope.effective_from
    if scope.window is not None and since is not None:
        early = int((scope.every & (scope.handed_off_at < since)).sum())
        if early:
            yield (
                f"{_many(early, 'lead')} handed off before the agreement took effect: described by "
                "it all the same."
            )
    if scope.window is None and since is None:
        yield (
            "[sales_ready] effective_from is not set, so hand-offs from before the agreement was "
            "made count too: terms chosen after their outcomes prove less than they seem to."
        )
    sequence = values["sequence"] or {}
    if sequence.get("recorded_late"):
        yield (
            f"{_many(sequence['recorded_late'], 'win')} recorded only after the lead had entered "
            "the sequence: [sales_ready] grace_days waits for such."
        )
    if sequence.get("handed_off_late"):
        yield (
            f"{_many(sequence['handed_off_late'], 'hand-off')} recorded, or moved in time, only "
            "after the lead had entered the sequence or its outcome was known: hand-offs written "
            "down by how they ended decide the verdict."
        )
    if sequence.get("other_agreement"):
        yield (
            f"{_many(sequence['other_agreement'], 'hand-off')} scored under another wording of the "
            "agreement: effective_from starts the verdict with this one."
        )


def _many(number: int, one: str, more: str | None = None) -> str:
    """Return a number with its noun."""
    return f"{number:,} {one if number == 1 else more or one + 's'}"
