"""Column names that speak of what is known only after the outcome, in the spellings CRMs use."""

import re
from typing import Literal

Tells = Literal["outcome", "state", "hint", ""]

_SPLIT = re.compile(r"[^A-Za-z0-9]+|(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_GLUED = {
    # HubSpot, Dynamics and flattened exports write two words as one.
    "actualclosedate": "actual close date",
    "actualrevenue": "actual revenue",
    "actualvalue": "actual value",
    "closedate": "close date",
    "closeddate": "closed date",
    "closedlost": "closed lost",
    "closedwon": "closed won",
    "closeprobability": "close probability",
    "closereason": "close reason",
    "convertedat": "converted at",
    "currentstage": "current stage",
    "daystoclose": "days to close",
    "dealstage": "deal stage",
    "dealstatus": "deal status",
    "estimatedclosedate": "estimated close date",
    "isclosed": "is closed",
    "isconverted": "is converted",
    "issql": "is sql",
    "iswon": "is won",
    "leadstatus": "lead status",
    "lifecyclestage": "lifecycle stage",
    "lossreason": "loss reason",
    "lostreason": "lost reason",
    "notsalesready": "not sales ready",
    "opportunitystage": "opportunity stage",
    "qualifiedon": "qualified on",
    "salesstage": "sales stage",
    "stagename": "deal stage",
    "statecode": "state code",
    "statuscode": "status code",
    "winreason": "win reason",
    "wonamount": "won amount",
}

_END = "(?:won|lost|closed|closing|converted|disqualified|unqualified|rejected)"
_WHEN = "(?:date|at|on|time|timestamp|day|week|month|quarter|year)"
_MONEY = "(?:amount|value|revenue|price|mrr|arr|acv|tcv)"
_SPAN = "(?:days|time|hours|weeks|months|duration)"


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns))


_OUTCOME = _any(
    r"^(?:is |has |was )?(?:won|lost|closed|converted|disqualified|churned)$",
    r"\bclosed (?:won|lost)\b|\bdate (?:closed|won|lost|converted)\b",
    rf"\b(?:loss|lose|win|close|closure|rejection|disqualification|churn|{_END}) reasons?\b",
    rf"\breasons? (?:for )?(?:loss|losing|win|winning|rejection|{_END})\b|\blost to\b",
    rf"\bclose {_WHEN}\b|\b{_END} {_WHEN}\b",
    rf"(?<!first )(?<!recent )\bconversion {_WHEN}\b",  # HubSpot's conversions are filled forms
    rf"\b(?:won|lost|closed|actual) {_MONEY}\b|\b{_MONEY} (?:won|lost|closed)\b",
    rf"\b{_SPAN} (?:to|until|till) (?:close|win|won|convert|conversion|purchase|sale)\b",
    rf"\bstage {_SPAN}\b|\b{_SPAN} in (?:\w+ ){{0,2}}stage\b|\bsales cycle\b",
    r"\bconverted (?:opportunity|account|contact)\b",
    r"\b(?:deal|opportunity|sales|lead|final) (?:outcome|result)\b",
    r"^hs (?:v2 )?(?:cumulative |latest )?time in ",
)
_STATE = _any(
    r"\b(?:current|deal|opportunity|opp|sales|lead|pipeline|funnel|crm) (?:stage|status)\b",
    r"\b(?:lifecycle|life cycle) stage\b|\bstage name\b|^(?:stage|status)$",
    r"\bstatus (?:reason|code)\b|\bstate code\b|\bforecast category\b|\bdisposition\b",
    r"\b(?:is|became|becomes) (?:sql|sal|mql|customer|opportunity|qualified)\b|^sql$|^sal$",
    r"\bsales (?:qualified|accepted)\b|^converted\b",
    r"\b(?:close|win|deal|stage|opportunity) probability\b",
    rf"\b(?:deal|opportunity) {_MONEY}\b",
)
_HINT = _any(
    r"\b(?:duration|outcome|result|status|stage|probability|amount|lifetime)\b",
    r"\b(?:contract|invoice|paid|payment)\b",
    r"\b(?:last|latest) (?:activity|modified|contacted|contact|touch|seen|update|updated)\b",
)
_HOPE = _any(r"\b(?:expected|estimated|est|target|planned|desired|forecast)\b")
_BEFORE = _any(r"\b(?:previous|prev|prior|past|earlier|former|historic|historical)\b")
_ALL_TIME = re.compile(r"\b(?:all|lifetime|ever|to date|overall|cumulative|grand total)\b")
_ID = re.compile(r"\b(?:id|ids|uuid|guid|key)$")
_PREFIX = re.compile(r"^(?:hs v2|hs|new|cr|sf|mkto|pd) (?!time in |cumulative |latest )")


def words_of(column: str) -> str:
    """Return a column's name as plain lower-case words, CRMs' prefixes and endings cut.

    Examples
    --------
    >>> words_of("hs_closed_amount"), words_of("LossReason__c"), words_of("DAYS-TO-CLOSE")
    ('closed amount', 'loss reason', 'days to close')
    """
    parts = [part.lower() for part in _SPLIT.split(re.sub(r"__c$", "", column)) if part]
    return _PREFIX.sub("", " ".join(_GLUED.get(part, part) for part in parts))


def tells(column: str) -> Tells:
    """Tell what a column's name alone says.

    Returns
    -------
    tells : {"outcome", "state", "hint", ""}
        ``outcome``: it can only be known afterwards (a loss reason, a closing date). ``state``: it
        shows where the lead stands today, not where it stood when judged (a stage, ``is_sql``).
        ``hint``: it may be either (a duration, a total); its values have to speak. Else nothing.

    Examples
    --------
    >>> [tells(name) for name in ("ClosedLostReason", "is_sql", "duration", "country")]
    ['outcome', 'state', 'hint', '']
    """
    words = words_of(column)
    if _BEFORE.search(words):
        return ""
    hoped = _HOPE.search(words)
    if _OUTCOME.search(words) and not hoped:
        return "outcome"
    if _STATE.search(words):
        return "state"
    return "hint" if _HINT.search(words) else ""


def says_all_time(column: str) -> bool:
    """Tell whether a name speaks of a total over all time, the future of the lead included."""
    return bool(_ALL_TIME.search(words_of(column)))


def says_id(column: str) -> bool:
    """Tell whether a name says that the column holds ids."""
    return bool(_ID.search(words_of(column)))


_WON_WORDS = re.compile(r"\b(?:won|converted|customer|sold|success|successful|win)\b")
_LOST_WORDS = re.compile(
    r"\b(?:lost|disqualified|unqualified|rejected|declined|dead|junk|cancelled|canceled|failure"
    r"|no sale|loss)\b"
)
_NOT = re.compile(r"\b(?:not|never|un)\b")


def names_outcome(level: str) -> int:
    """Tell whether a value reads as an outcome: 1 won, 0 lost, -1 neither.

    Examples
    --------
    >>> names_outcome("closed_won"), names_outcome("Closed - Lost"), names_outcome("Webinar")
    (1, 0, -1)
    """
    words = words_of(level)
    if _NOT.search(words):
        return -1
    if _LOST_WORDS.search(words):
        return 0
    return 1 if _WON_WORDS.search(words) else -1
