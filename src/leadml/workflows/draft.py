"""The text of a drafted leadml.toml: every guess with its grounds, every gap with its question."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from leadml.data.guesses import Guess, Guesses
from leadml.domain.agreement import Agreement
from leadml.domain.mapping import Scalar
from leadml.workflows.horizon import Horizon

WIDTH = 100
_COLUMN = 40
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")

_ORDER = (
    "id", "outcome", "won", "lost", "created_at", "date_format", "timezone", "qualified_at",
    "handed_off_at", "accepted_at", "rejected_at", "rejection_reason", "followed_up_at",
    "closed_at", "outcome_recorded_at", "account", "account_size", "owner", "source", "industry",
    "segment", "amount", "margin", "margin_amount", "points", "explored", "handoff_probability",
    "probability", "band", "decimal", "ignore", "missing",
)  # fmt: skip
_QUESTIONS = {
    "id": "which column names the lead?",
    "outcome": "REQUIRED to train: which column says won or lost?",
    "won": "REQUIRED to train: which of its values mean won?",
    "lost": "which of its values mean lost? All others are open",
    "created_at": "when did the lead come in? Without it, leads have no order",
    "handed_off_at": "when did marketing pass it to sales? Without it, judged as of its creation",
    "followed_up_at": "when did sales first work it? Without it, all count as followed up",
    "closed_at": "when was it won or lost? Without it, won and lost are final and matured",
    "account": "which company does it belong to?",
    "owner": "which sales representative has it? Reported by, never a feature",
    "source": "where did it come from?",
    "industry": "which industry is its company in?",
    "amount": "what is the deal worth?",
    "margin": "what fraction of the amount is margin? Without it, every win counts as solid",
    "margin_amount": "or the margin in money, if that is what the export holds",
    "points": "does the CRM hold a points score already? It is compared with the model",
    "explored": "which leads were handed off at random to learn from? As leadml score said",
    "handoff_probability": "with which probability was it handed off? As leadml score said",
    "qualified_at": "when did marketing call it qualified? For the report's funnel",
    "accepted_at": "when did sales accept the hand-off?",
    "rejected_at": "when did sales reject it?",
    "rejection_reason": "why did sales reject it? Goes back to marketing",
    "outcome_recorded_at": "when was the outcome written down, if later than it happened?",
    "segment": "which market segment is it in? Reported by, and a feature",
    "account_size": "how large is its company? Reported by, and a feature",
    "probability": "which probability was served for it? As leadml score said",
    "band": "in which band was that?",
}


@dataclass(frozen=True, kw_only=True)
class Draft:
    """All that goes into the file.

    Attributes
    ----------
    source : str
        The export.
    leads, columns : int
        Its size.
    guesses : Guesses
        Of the leads.
    activities : dict of Guess
        Of the activity file; empty where there is none.
    activities_needed : dict of str
        What of it could not be guessed.
    history, history_needed : dict
        The same of the attribute history.
    horizon : Horizon
    min_margin : float or None
        As answered; None where nobody was asked.
    points_words : str
        How many leads reach the default threshold; the empty text without a points column.
    """

    source: str
    leads: int
    columns: int
    guesses: Guesses
    horizon: Horizon
    activities: Mapping[str, Guess] = field(default_factory=dict)
    activities_needed: Mapping[str, str] = field(default_factory=dict)
    history: Mapping[str, Guess] = field(default_factory=dict)
    history_needed: Mapping[str, str] = field(default_factory=dict)
    min_margin: float | None = None
    points_words: str = ""


def draft_text(draft: Draft) -> str:
    """Write the draft as the text of a leadml.toml."""
    parts = (_heading(draft), _leads(draft.guesses), _activities(draft), _history(draft))
    return "\n".join((*parts, _sales_ready(draft), _points(draft), _ENDING))


def _heading(draft: Draft) -> str:
    preset = draft.guesses.preset
    lines = [
        f"Drafted by `leadml init` from {draft.source}: {draft.leads:,} leads, {draft.columns} "
        "columns. Read every line before anyone signs it."
    ]
    if preset:
        lines.append(f"The headers look like an export of {preset.name}.")
        lines += [f"Note: {preset.note}."] if preset.note else []
    lines += [f"Note: {note}." for note in draft.guesses.notes]
    return "".join(_comment(line) for line in lines)


def _leads(guesses: Guesses) -> str:
    lines = ["[leads]\n"]
    for key in _ORDER:
        guess = guesses.found.get(key)
        if key == "timezone":
            lines.append(_line(key, "UTC", _zone_words(guesses)))
        elif guess:
            lines.append(_line(key, guess.value, guess.because))
        elif key in _QUESTIONS and not _answered(key, guesses):
            why = guesses.needed.get(key)
            question = _QUESTIONS[key] + (f" ({why})" if why else "")
            lines.append(_question(key, _example(key), question))
    return "".join(lines)


def _zone_words(guesses: Guesses) -> str:
    if "timezone" in guesses.needed:
        return "CHECK: the times name no zone; in which one are they written?"
    return "in which times without a zone are read"


def _answered(key: str, guesses: Guesses) -> bool:
    other = {"margin": "margin_amount", "margin_amount": "margin"}.get(key)
    return other in guesses.found


def _example(key: str) -> str | tuple[Scalar, ...]:
    return {"won": ("Closed Won",), "lost": ("Closed Lost",)}.get(key, "")


def _activities(draft: Draft) -> str:
    if not draft.activities and not draft.activities_needed:
        return _comment("[activities] would name the columns of an activity file; none was given.")
    lines = ["[activities]\n"]
    for key in ("lead", "at", "kind", "detail"):
        if key in draft.activities:
            guess = draft.activities[key]
            lines.append(_line(key, guess.value, guess.because))
        else:
            lines.append(_question(key, "", draft.activities_needed.get(key, "")))
    return "".join(lines)


def _history(draft: Draft) -> str:
    if not draft.history and not draft.history_needed:
        return _comment("[history] would name the columns of a field history; none was given.")
    lines = ["[history]\n"]
    for key in ("lead", "field", "old", "new", "at"):
        if key in draft.history:
            lines.append(_line(key, draft.history[key].value, draft.history[key].because))
        elif key in draft.history_needed:
            lines.append(_question(key, "", draft.history_needed[key]))
        else:
            lines.append(_line(key, "", "no such column in the file"))
    return "".join(lines)


def _sales_ready(draft: Draft) -> str:
    default = Agreement()
    days, because = draft.horizon.days, draft.horizon.because
    horizon = f"horizon_days = {days if days is not None else f'{default.horizon_days:g}'}\n"
    asked = draft.min_margin is not None
    margin = draft.min_margin if draft.min_margin is not None else default.min_margin
    question = "as answered" if asked else "QUESTION: what margin makes a win solid?"
    return "".join(
        (
            _comment("The definition both departments sign; the values are defaults, not advice."),
            "[sales_ready]\n",
            _line("version", "1", "name of this wording"),
            _question("effective_from", "", "a date without quotes: the report starts there"),
            "signed_by = []\n",
            "close_rate = 0.30      # share of followed-up hand-offs that sales is to win\n",
            "confidence = 0.95\n",
            _comment(f"Days after the hand-off within which a win counts: {because}."),
            horizon,
            "follow_up_days = 14    # days within which sales is to work a hand-off\n",
            "min_follow_up = 0.8    # below this share worked, the close rate is not judged\n",
            _comment(
                f"{question} As a fraction of the amount: 0.15 is 15 %. With 0 the margin is not "
                "checked, and every page says so."
            ),
            f"min_margin = {margin!r}\n",
            'counts = "followed_up" # or "handed_off"\n',
            'unit = "lead"          # or "account": every company counts once\n',
            "grace_days = 0         # days after the horizon to record what became of a lead\n",
            "snapshot_days = 0.0    # age of a lead without hand-off when it is judged\n",
        )
    )


def _points(draft: Draft) -> str:
    if draft.points_words:
        return (
            _comment(f"Points from which a lead is handed off today: {draft.points_words}.")
            + "[points]\nthreshold = 100\n"
        )
    return _POINTS


_POINTS = """\
# The points table used today, if there is one, to compare the model with: one rule each.
# [points]
# threshold = 100
# [[points.rules]]
# name = "decision maker"
# group = "fit"                # fit, behaviour, page or value
# points = 20
# column = "job_title"
# in = ["CEO", "Head of IT"]
# [[points.rules]]
# name = "looked at prices"
# group = "page"
# points = 10
# activity = "page_view"
# detail = "/pricing*"
# per = "each"
# max_points = 30
"""
_ENDING = """\
# [handoff]                # which leads are handed off; docs/agreement.md has every key
# policy = "group"         # as many as keep close_rate together; or "each", "capacity", "profit"
# explore = 0.0            # share of the others handed off at random, to learn from; up to 0.2

# [targets]                # what a month is to bring; leadml report shows how far it has come
# handoffs = 100
# wins = 30

# [store]
# url = "sqlite:///leadml.db"
# [tracking]
# uri = "sqlite:///models/mlflow.db"
"""


def _line(key: str, value: str | tuple[Scalar, ...], because: str) -> str:
    setting = f"{key} = {_toml(value)}"
    comment = _clean(because)
    beside = f"{setting:<{_COLUMN}} # {comment}"
    if len(beside) <= WIDTH:
        return beside + "\n"
    return _comment(comment) + setting + "\n"


def _question(key: str, example: str | tuple[Scalar, ...], question: str) -> str:
    commented = f"# {key} = {_toml(example)}"
    beside = f"{commented:<{_COLUMN}} # {_clean(question)}"
    if len(beside) <= WIDTH:
        return beside + "\n"
    return _comment(question) + commented + "\n"


def _comment(text: str) -> str:
    return "".join(f"# {line}\n" for line in _wrapped(_clean(text).split(" ")))


def _wrapped(words: Iterable[str]) -> list[str]:
    lines, line = [], ""
    for word in words:
        if line and len(line) + 1 + len(word) > WIDTH - 2:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return [*lines, line]


def _clean(text: str) -> str:
    """Take line breaks and control characters out: a comment ends with its line."""
    return _CONTROL.sub(" ", text)


def _toml(value: str | tuple[Scalar, ...] | Scalar) -> str:
    """Spell a value in TOML; its basic strings take JSON's escapes."""
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return json.dumps(value)
