"""The report's verdict in one sentence, and what supports it: every number one of report.json."""

from collections.abc import Mapping
from typing import Any

from leadml.evaluation.promise import percent

Values = Mapping[str, Any]


def verdict_text(values: Values) -> str:
    """Say the verdict in a sentence, or that there is none.

    Parameters
    ----------
    values : mapping
        report.json: ``verdict, target, confidence, window, sequence, agreement``.
    """
    target = percent(values["target"])
    if values["verdict"] is None:
        return (
            f"No verdict: hand-offs {_span(values['window'])} are described, and a verdict on "
            "a time chosen afterwards would claim too much."
        )
    if values["verdict"] == "not_judgeable":
        share = values["sequence"]["follow_up_share"]
        return (
            f"Not judgeable: sales worked {percent(share)} of the {_nouns(values)} it was "
            f"handed, and the agreement asks for {percent(values['agreement']['min_follow_up'])} "
            "before it judges them."
        )
    if values["verdict"] == "undecided":
        return (
            "Not enough evidence yet on whether hand-offs meet the agreed close rate of "
            f"{target}{_more(values['sequence'])}."
        )
    sequence, sure = values["sequence"], percent(values["confidence"])
    if values["verdict"] == "meets":
        return (
            f"Hand-offs meet the agreed close rate of {target}: with {sure} confidence it is at "
            f"least {percent(min(_both(sequence, 'low')))}, however often one looks."
        )
    return (
        f"Hand-offs fall short of the agreed close rate of {target}: with {sure} confidence it is "
        f"at most {percent(max(_both(sequence, 'high')))}, however often one looks."
    )


def _both(sequence: Values, bound: str) -> list[float]:
    """Return a bound with and without the wins that prove their own follow-up."""
    readings = (sequence, sequence["recorded_only"] or {})
    return [found for one in readings if (found := one.get(bound)) is not None]


def _nouns(values: Values) -> str:
    """Name what the verdict counts; a window counts leads."""
    sequence = values["sequence"]
    return "companies" if sequence and sequence["unit"] == "account" else "leads"


def _span(window: Values) -> str:
    since, until = window["since"], window["until"]
    if since is None:
        return f"before {_day(until)}"
    return f"since {_day(since)}" if until is None else f"from {_day(since)} to {_day(until)}"


def _day(moment: str) -> str:
    return moment[:10] if moment[11:16] == "00:00" else f"{moment[:10]} {moment[11:16]} UTC"


def _more(sequence: Values) -> str:
    more = sequence["more_needed_matured"]
    if more is None:
        why = sequence["more_needed_why"]
        return f" ({why})" if why else ""
    one, many = ("company", "companies") if sequence["unit"] == "account" else ("lead", "leads")
    return f" (about {more:,} more matured {one if more == 1 else many} at the present rate)"


def support(values: Values) -> list[str]:
    """Return the sentences under the verdict: what was measured, worked, lately, and to come."""
    sentences = (
        _measured(values),
        _follow_up(values),
        _if_unworked(values),
        _without_record(values),
        _late(values),
        _last_year(values["sequence"]),
        _maturing(values["sequence"]),
        _volume(values),
        _explored(values["explored"]),
        _before(values["before_agreement"]),
    )
    return [sentence for sentence in sentences if sentence]


def _measured(values: Values) -> str:
    sequence, nouns = values["sequence"], _nouns(values)
    of = values if sequence is None else sequence  # the sequence may count companies
    if not of["matured"]:
        return "No handed-off lead has matured: its horizon must have passed since the hand-off."
    worked = values["agreement"]["counts"] == "followed_up"
    key = "followed_up" if worked else "handed_off"
    rate = values["close_rate"][key] if sequence is None else sequence
    if rate["value"] is None:
        what = "hand-offs was" if nouns == "leads" else "companies was"
        return f"None of the {of['matured']:,} matured {what} followed up in time."
    units = of["followed_up"] if worked else of["matured"]
    won = of["won"] if worked else of["won"] + of["won_after_late_follow_up"]
    what = f"matured {nouns} followed up as agreed" if worked else f"matured {nouns} handed off"
    valid = "for one look" if sequence is None else "however often one looks"
    return (
        f"Of {units:,} {what}, {won:,} {'was' if won == 1 else 'were'} won: "
        f"{percent(rate['value'])}; the true rate is at least {percent(rate['low'])} and at most "
        f"{percent(rate['high'])}, each with {percent(values['confidence'])} confidence, valid "
        f"{valid}."
    )


def _follow_up(values: Values) -> str:
    if not values["follow_up_recorded"]:
        return "Follow-ups are not recorded, so every hand-off counts as followed up."
    worked = (values["sequence"] or values)["follow_up_share"]
    if worked is None or values["verdict"] == "not_judgeable":
        return ""
    what = "hand-offs" if _nouns(values) == "leads" else "companies"
    return f"Sales worked {percent(worked)} of the matured {what} in time."


def _if_unworked(values: Values) -> str:
    if values["verdict"] != "not_judgeable" or values["sequence"] is None:
        return ""
    bound = values["sequence"]["if_unworked_were_lost"]
    if not bound or bound["value"] is None:
        return ""
    one = "lead" if _nouns(values) == "leads" else "company"
    return (
        f"Were every {one} not worked as agreed lost, {percent(bound['value'])} would be "
        f"sales-ready ({percent(bound['low'])} to {percent(bound['high'])})."
    )


def _without_record(values: Values) -> str:
    """Tell the wins that prove their own follow-up, and what the rate is without them."""
    sequence = values["sequence"]
    if sequence is None or values["agreement"]["counts"] != "followed_up":
        return ""
    wins, rate = sequence["won_without_follow_up"], sequence["recorded_only"]
    if not wins:
        return ""
    has = "1 win has" if wins == 1 else f"{wins:,} wins have"
    begun = f"{has} no recorded follow-up and {'proves its' if wins == 1 else 'prove their'} own"
    if rate["value"] is None:
        return f"{begun}; without {'it' if wins == 1 else 'them'} there is no close rate."
    return (
        f"{begun}; without {'it' if wins == 1 else 'them'} the close rate is "
        f"{percent(rate['value'])} ({percent(rate['low'])} to {percent(rate['high'])}), and a "
        "verdict has to hold both with and without."
    )


def _late(values: Values) -> str:
    late = (values["sequence"] or values)["won_after_late_follow_up"]
    if not late or values["agreement"]["counts"] != "followed_up":
        return ""
    if _nouns(values) == "companies":
        was = "company was" if late == 1 else "companies were"
        return f"{late:,} more {was} won after a later follow-up than agreed: counted apart."
    was = "more was" if late == 1 else "more were"
    return f"{late:,} {was} won after a later follow-up than agreed: counted apart."


def _last_year(sequence: Values | None) -> str:
    year = None if sequence is None else sequence["last_12_months"]
    if not year or year["value"] is None:
        return ""
    return (
        "That is the average since the start; of those that entered in the last 12 months it is "
        f"{percent(year['value'])} ({year['won']:,} of {year['units']:,})."
    )


def _maturing(sequence: Values | None) -> str:
    maturing = None if sequence is None else sequence["maturing"]
    if not maturing or not maturing["handed_off"]:
        return ""
    projected = maturing["projected"]
    text = (
        f"{maturing['handed_off']:,} more have not matured, {maturing['won_so_far']:,} of them won "
        "so far"
    )
    if not projected or projected["value"] is None:
        return f"{text}; they count later, whatever they close as."
    return f"{text}; about {percent(projected['value'])} is to be expected of them."


def _volume(values: Values) -> str:
    """Say what the present volume can show and when, as long as nothing has been shown."""
    if values["verdict"] != "undecided" or values["sequence"] is None:
        return ""
    text: str = values["sequence"]["certify_text"]
    return text


def _explored(drawn: Values | None) -> str:
    if not drawn:
        return ""
    one = drawn["handed_off"] == 1
    many = "One more was" if one else f"{drawn['handed_off']:,} more were"
    counts = "counts" if one else "count"
    begun = f"{many} handed off at random to learn from, and {counts} in no verdict"
    if not drawn["matured"]:
        return f"{begun}; {'it has not' if one else 'none of them has'} matured."
    return (
        f"{begun}: {drawn['followed_up']:,} of {drawn['matured']:,} matured were followed up, as "
        f"all of them have to be, and {drawn['won']:,} won."
    )


def _before(earlier: Values | None) -> str:
    if not earlier:
        return ""
    one = earlier["handed_off"] == 1
    return (
        f"{earlier['handed_off']:,} {'lead was' if one else 'leads were'} handed off before the "
        f"agreement took effect and {'counts' if one else 'count'} in no verdict."
    )
