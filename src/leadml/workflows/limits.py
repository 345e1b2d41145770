"""What the data of one training run cannot tell: the limits a reader must know, in plain words.

Every sentence rests on a number of the run. A limit that does not hold is not mentioned.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Limit:
    """One thing the data cannot tell.

    Attributes
    ----------
    topic : str
        A word or two, unique among a run's limits.
    text : str
        What is not known, with the figures it rests on.
    remedy : str
        What would tell.
    """

    topic: str
    text: str
    remedy: str

    def to_dict(self) -> dict[str, str]:
        """Return the JSON-ready form."""
        return {"topic": self.topic, "text": self.text, "remedy": self.remedy}


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What the limits of a run are read from; counts are of leads unless said otherwise.

    Attributes
    ----------
    leads, learnt, won : int
        In the export; learnt from; of those sales-ready.
    close_rate, confidence, horizon_days : float
        Of the agreement.
    counts : str
        What the close rate divides by.
    as_of, newest : str or None
        ISO dates: what counts as now, and the newest lead learnt from; None undated.
    handoffs_recorded, follow_ups_recorded, closing_times_recorded : bool
        Whether these times are mapped.
    handed_off, never_handed_off, never_followed_up, closed_in_bulk : int
        Of the leads whose horizon has passed.
    not_matured : int
        Handed off, but their horizon has not passed.
    chosen : str
        The candidate that won.
    basis : str
        Of the hand-off cut.
    group, group_won : int
        Out-of-time leads above the cut, and won among them.
    low : float or None
        Lower bound of that group's close rate.
    highest : float
        Highest out-of-time probability.
    activities : bool
        Whether activities were given.
    history_fields : tuple of str or None
        Fields rolled back; None without a field history.
    attributes : int
        Columns of the export that the model reads.
    quarantined, suspect : tuple of str
    accounts : int or None
        Accounts among the leads learnt from; None where not mapped.
    margin_recorded : bool
        Whether wins have a margin (or none is asked for).
    wins_without_margin : int
    money : {"margin", "amount"} or None
        What expected margins are made of; None where no won lead has any.
    money_mapped : bool
        Whether the export has a margin or an amount in money.
    money_known, money_unknown : int
        Won leads with a known margin in money, and without.
    level, lag_days, effective_size
        How the level was set, days from the newest known outcome to now, and the effective number
        of leads where weights stand in for open ones; None where it does not apply.
    resolved_early : int
        Of those, the ones that closed before their horizon has passed.
    eventually_days : float or None
        Longest horizon shown.
    thin : tuple of (source, leads, won)
        Sources with few wins.
    knowable : tuple of str
        What numbers this small can show, and by when.
    """

    leads: int
    learnt: int
    won: int
    close_rate: float
    confidence: float
    horizon_days: float
    counts: str
    as_of: str | None
    newest: str | None
    handoffs_recorded: bool
    follow_ups_recorded: bool
    closing_times_recorded: bool
    handed_off: int
    never_handed_off: int
    never_followed_up: int
    closed_in_bulk: int
    not_matured: int
    chosen: str
    basis: str
    group: int
    group_won: int
    low: float | None
    highest: float
    activities: bool
    history_fields: tuple[str, ...] | None
    attributes: int
    quarantined: tuple[str, ...]
    suspect: tuple[str, ...]
    accounts: int | None
    margin_recorded: bool
    wins_without_margin: int
    level: str | None = None
    lag_days: float | None = None
    effective_size: float | None = None
    resolved_early: int = 0
    eventually_days: float | None = None
    money: str | None = None
    money_mapped: bool = False
    money_known: int = 0
    money_unknown: int = 0
    thin: tuple[tuple[str, int, int], ...] = ()
    knowable: tuple[str, ...] = field(default=())


def limits_of(facts: Facts) -> list[Limit]:
    """Return what the data cannot tell, the weightiest first."""
    return [limit for part in _PARTS for limit in part(facts)]


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %" if 100 * share % 1 else f"{100 * share:.0f} %"


def _leads(count: int) -> str:
    return "1 lead" if count == 1 else f"{count:,} leads"


def _size(f: Facts) -> Iterator[Limit]:
    for number, text in enumerate(f.knowable, 1):
        topic = "how sure this can be" + (f" ({number})" if number > 1 else "")
        yield Limit(topic, text, "more matured, followed-up hand-offs; time brings them")


def _signal(f: Facts) -> Iterator[Limit]:
    if f.chosen == "base_rate":
        text = (
            f"Nothing in these columns told the {f.won:,} won from the other "
            f"{f.learnt - f.won:,} leads better than the plain close rate does: every lead gets "
            f"the same probability, {_percent(f.won / f.learnt)}"
        )
        remedy = "columns or activities that say more about a lead, or more outcomes"
        yield Limit("which leads are better", text, remedy)


def _neglect(f: Facts) -> Iterator[Limit]:
    if not f.follow_ups_recorded:
        text = (
            "When sales first worked each lead is not recorded, so every hand-off counts as "
            "followed up: a lead lost because nobody called looks like a bad lead"
        )
        yield Limit("neglect", text, "map followed_up_at in leadml.toml")
        return
    if not f.never_followed_up or not f.handed_off:
        return
    share = f.never_followed_up / f.handed_off
    text = (
        f"Of {_leads(f.handed_off)} handed off, {f.never_followed_up:,} ({_percent(share)}) were "
        "never followed up: how they would have closed is unknown"
    )
    if f.closed_in_bulk:
        text += f"; {f.closed_in_bulk:,} of them were closed in bulk"
    if f.counts == "handed_off":
        text += ". The agreement counts them as lost, which says more about sales than about leads"
    else:
        text += (
            ". Probabilities are those of leads that sales works as it does today; if it works "
            "the promising ones first, the others would close less often than that"
        )
    yield Limit("neglected leads", text, "follow up a random few of them: `[handoff] explore`")


def _selection(f: Facts) -> Iterator[Limit]:
    if f.handoffs_recorded and f.never_handed_off:
        text = (
            f"{_leads(f.never_handed_off)} were never handed off. The model learnt from those "
            "that were, so what it says of leads like the others is a guess beyond its experience"
        )
        yield Limit(
            "leads never handed off", text, "hand off a random few of them: `[handoff] explore`"
        )


def _open(f: Facts) -> Iterator[Limit]:
    if f.newest is None:
        text = (
            "The leads have no dates, so nobody can tell whether what held for older leads "
            "holds for newer ones: test leads were drawn at random, which flatters"
        )
        yield Limit("change over time", text, "map created_at or handed_off_at")
        return
    text = f"The newest outcome learnt from belongs to a lead of {f.newest}"
    if f.as_of and f.as_of != f.newest:
        text += f", and it was {f.as_of} when the model was trained"
    if f.not_matured:
        text += f"; {_leads(f.not_matured)} have not matured within {f.horizon_days:g} days yet"
    text += ". What changed since then cannot show yet" + _LEVEL.get(f.level or "", "")
    yield Limit("the present", text, "`leadml drift` on newer leads, then `leadml recalibrate`")
    if not f.closing_times_recorded:
        text = (
            "When leads were won or lost is not recorded, so a win long after the horizon counts "
            "like one within it, and young leads enter as soon as they close: the quick ones first"
        )
        yield Limit("late wins", text, "map closed_at")


_LEVEL = {
    "none": ": the level of the past is taken to hold",
    "shift": ": the level of the newest outcomes is taken to hold",
    "trend": ": the trend of the past is carried on, and may have turned",
}


def _weights(f: Facts) -> Iterator[Limit]:
    if f.effective_size is not None:
        text = (
            f"{_leads(f.resolved_early)} that closed early stand in for those still open: all "
            f"{f.learnt + f.resolved_early:,} together tell as much as {f.effective_size:,.0f} "
            "equal ones, provided that a lead's age says nothing about its quality"
        )
        yield Limit("open leads", text, "time, until more leads have matured")


def _cut(f: Facts) -> Iterator[Limit]:
    target, sure = _percent(f.close_rate), _percent(f.confidence)
    if f.basis == "guaranteed":
        text = (
            f"The hand-off group closed {f.group_won:,} of {f.group:,} with {sure} confidence that "
            f"its rate is at least {target}. That is approximate: the model was refitted on all "
            "leads afterwards, and the future need not be like the past"
        )
    elif f.basis == "estimated" and f.low is not None:
        text = (
            f"The hand-off group closed {f.group_won:,} of {f.group:,}, and that is no proof: its "
            f"true rate may be as low as {_percent(f.low)}. The cut was chosen on these very "
            "leads, so expect a little less"
        )
    elif f.basis == "points":
        text = "Too few leads were won to read a cut from; the agreed points decide until then"
    else:
        text = (
            f"No group of leads closed at {target}: whether there is one in these leads cannot be "
            "told from these columns"
        )
    yield Limit("whether hand-offs keep the promise", text, "`leadml report` on what is handed off")


def _extremes(f: Facts) -> Iterator[Limit]:
    if f.chosen != "base_rate" and f.highest < 0.95:
        text = (
            f"No lead got more than {_percent(f.highest)} when its outcome was not known yet: "
            "probabilities beyond that are the curve carried on, not experience"
        )
        yield Limit("sure wins", text, "outcomes of such leads")


def _leaks(f: Facts) -> Iterator[Limit]:
    if f.quarantined:
        text = (
            f"Left out because it looks like what became known later: {_named(f.quarantined)}. "
            "Whether it truly is recorded afterwards only those who fill it in know"
        )
        yield Limit("columns left out", text, "ask; list a sound one under keep")
    if f.suspect:
        text = (
            f"Read by the model although it may hold what became known later: {_named(f.suspect)}"
        )
        yield Limit("doubtful columns", text, "ask; list a leak under ignore")


def _named(columns: tuple[str, ...]) -> str:
    shown = ", ".join(columns[:5])
    return f"{shown} and {len(columns) - 5} more" if len(columns) > 5 else shown


def _today(f: Facts) -> Iterator[Limit]:
    if f.history_fields is None and f.attributes:
        text = (
            f"The {f.attributes:,} columns the model reads are as the export shows them today; "
            "what was changed after a lead was judged cannot be told from what was known then"
        )
        yield Limit("columns as they were", text, "a field history: --history, [history]")
    if not f.activities:
        text = "No activities were given: what leads did, and when, is unknown"
        yield Limit("behaviour", text, "--activities FILE")


def _dependence(f: Facts) -> Iterator[Limit]:
    if f.accounts is None:
        text = (
            "Which leads belong to one company is not mapped: they are taken as independent, and "
            "intervals are too narrow where several come from one"
        )
        yield Limit("companies", text, "map account")
    elif f.accounts < 0.8 * f.learnt:
        text = (
            f"{_leads(f.learnt)} come from {f.accounts:,} companies: leads of one share its fate, "
            "so bounds that take leads as independent are somewhat too narrow"
        )
        yield Limit("companies", text, "more companies, not more contacts")


def _money(f: Facts) -> Iterator[Limit]:
    if not f.margin_recorded:
        text = "No margin is recorded, or no min_margin agreed: every win counts, solid or not"
        yield Limit("profit", text, "map margin, and agree on min_margin")
    elif f.wins_without_margin:
        text = f"{f.wins_without_margin:,} wins have no margin, and count as not solid"
        yield Limit("profit", text, "record the margin")


MANY_UNKNOWN = 0.1
"""Share of wins without a margin in money from which expected margins are doubtful."""


def _worth(f: Facts) -> Iterator[Limit]:
    everyone = f.money_known + f.money_unknown
    if f.money == "amount":
        text = (
            "No margin is mapped, so a win is worth its whole amount: expected margins are what "
            "comes in, not what is left of it, and their order holds where margins are alike"
        )
        yield Limit("what a win is worth", text, "map margin or margin_amount")
    elif f.money is None and f.money_mapped:
        text = f"None of the {everyone:,} won leads has a known margin in money: leads rank by"
        yield Limit("what a win is worth", f"{text} probability alone", "record amount and margin")
    elif f.money is not None and f.money_unknown >= MANY_UNKNOWN * everyone:
        text = (
            f"{f.money_unknown:,} of {everyone:,} wins have no known margin in money. Expected "
            "margins take them to be like the others; their bounds say how far off that may be"
        )
        yield Limit("what a win is worth", text, "record amount and margin of every win")


def _later(f: Facts) -> Iterator[Limit]:
    if f.newest is None or not f.closing_times_recorded:
        return
    longest = f.horizon_days if f.eventually_days is None else f.eventually_days
    text = f"What leads become later than {longest:g} days after they are judged is not looked at"
    yield Limit("the long run", text, "an older history, or a longer horizon_days")


def _slices(f: Facts) -> Iterator[Limit]:
    if f.thin:
        few = ", ".join(f"{name} ({won} of {leads})" for name, leads, won in f.thin[:5])
        more = f" and {len(f.thin) - 5} more" if len(f.thin) > 5 else ""
        text = f"Sources with too few wins to be judged by themselves: {few}{more}"
        yield Limit("small sources", text, "more outcomes from them")


def _cause(f: Facts) -> Iterator[Limit]:
    if f.chosen != "base_rate":
        text = (
            "Reasons say which leads close more often, not why: making a lead do what good leads "
            "do need not make it a good one"
        )
        yield Limit("causes", text, "an experiment")


_PARTS: tuple[Callable[[Facts], Iterator[Limit]], ...] = (
    _signal,
    _size,
    _cut,
    _neglect,
    _selection,
    _open,
    _weights,
    _leaks,
    _today,
    _slices,
    _dependence,
    _money,
    _worth,
    _extremes,
    _later,
    _cause,
)
