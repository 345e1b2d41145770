"""What the service takes and gives, as its OpenAPI description states it."""

from itertools import accumulate, islice
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

MOST_LEADS = 1_000
MOST_ACTIVITIES = 10_000
MOST_PROBLEMS = 100
"""Most problems told of a request: a thousand leads with one mistake repeat it."""

MOMENT: list[dict[str, Any]] = [
    {"type": "string", "format": "date-time"},
    {"type": "string", "format": "date"},
]
"""How a moment is written."""

LEAD_EXAMPLE: dict[str, Any] = {
    "lead": {"lead_id": "L-1042", "lead_source": "Webinar", "budget": 12000, "job_title": "CTO"},
    "activities": [
        {"timestamp": "2026-03-02T09:15:00Z", "event": "page_view", "url": "/pricing"},
        {"timestamp": "2026-03-02T09:17:30Z", "event": "form", "url": "/demo"},
    ],
    "as_of": "2026-03-03",
}


class Given(BaseModel):
    """What callers send: a name that is not known is refused, and only so many are looked at."""

    @model_validator(mode="before")
    @classmethod
    def without_excess(cls, sent: Any) -> Any:
        """Leave out unknown names that would not be told: pydantic makes a problem of each."""
        if not isinstance(sent, dict) or len(sent) <= MOST_PROBLEMS:
            return sent
        known = cls.model_fields.keys()
        unknown = islice((name for name in sent if name not in known), MOST_PROBLEMS)
        return {name: sent[name] for name in [*(known & sent.keys()), *unknown]}


class ScoreRequest(Given):
    """One lead as the CRM exports it.

    Fields that are left out or null are missing values; fields the model does not know are listed
    in the answer's `warnings`.
    """

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [LEAD_EXAMPLE]})

    lead: Annotated[
        dict[str, Any],
        Field(description="The lead's fields, named as the columns of the export are."),
    ]
    activities: Annotated[
        list[dict[str, Any]] | None,
        Field(
            max_length=MOST_ACTIVITIES,
            description="The lead's activities, named as the columns of the activity file are.",
        ),
    ] = None
    account_activities: Annotated[
        list[dict[str, Any]] | None,
        Field(
            max_length=MOST_ACTIVITIES,
            description="Activities of the other leads of its account, named as the columns of the "
            "activity file are, with the lead each is of. Left out, they count as unknown.",
        ),
    ] = None
    as_of: Annotated[
        str | None,
        Field(
            description="The moment the lead is judged at: an ISO 8601 time, or a date (00:00 in "
            "the configured time zone). Default: its hand-off time, or else now.",
            json_schema_extra={"anyOf": [*MOMENT, {"type": "null"}]},
        ),
    ] = None


def _up_to_enough_problems(leads: object) -> object:
    """Leave out leads that come after a hundred problems: nobody is told of theirs."""
    if not isinstance(leads, list) or len(leads) > MOST_LEADS:
        return leads
    found = accumulate(map(_problems, leads))
    enough = next((end for end, count in enumerate(found, 1) if count >= MOST_PROBLEMS), None)
    return leads[:enough]


def _problems(lead: object) -> int:
    """Count names that are not known, and activities that are none."""
    if not isinstance(lead, dict):
        return 1
    told = (lead.get(name) for name in ("activities", "account_activities"))
    lists = [each for each in told if isinstance(each, list) and len(each) <= MOST_ACTIVITIES]
    none = sum(not isinstance(touch, dict) for touches in lists for touch in touches)
    return none + len(lead.keys() - ScoreRequest.model_fields.keys())


class BatchRequest(Given):
    """Up to 1,000 leads."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"leads": [LEAD_EXAMPLE]}]}
    )

    leads: Annotated[
        list[ScoreRequest], Field(max_length=MOST_LEADS), BeforeValidator(_up_to_enough_problems)
    ]


class ReasonPeers(BaseModel):
    """The training leads that are like the lead in one feature."""

    range: Annotated[str, Field(description="Which values, in words.")]
    leads: int
    won: Annotated[int, Field(description="Of them, those with a sales-ready outcome in time.")]
    close_rate: Annotated[float | None, Field(description="won / leads; null without leads.")]


class Reason(BaseModel):
    """What one feature added to the lead's score."""

    feature: str
    value: Any
    effect: Annotated[float, Field(description="In log-odds; above 0 speaks for a win.")]
    direction: Literal["up", "down"]
    text: Annotated[str, Field(description="The reason in words, with how leads like it closed.")]
    peers: Annotated[
        ReasonPeers | None, Field(description="Null in versions that do not hold them.")
    ]


class ReasonsSum(BaseModel):
    """What the reasons sum to, in log-odds."""

    kind: Annotated[
        Literal["exact", "if_missing"],
        Field(
            description="`exact`: effects are the terms of a sum. `if_missing`: each is the change "
            "against the same lead with that feature missing; they need not sum."
        ),
    ]
    base: Annotated[float | None, Field(description="Of the average training lead.")]
    shown: Annotated[float, Field(description="The effects listed, added up.")]
    rest: Annotated[float | None, Field(description="All other features.")]
    total: Annotated[float, Field(description="Of the probability: base + shown + rest.")]
    note: str


class RulePoints(BaseModel):
    """What one points rule gave."""

    rule: str
    group: str
    points: float


class ScoreAnswer(BaseModel):
    """One lead's score: the fields of `leadml score`, and `warnings`."""

    lead_id: str | None
    probability: Annotated[
        float | None,
        Field(ge=0, le=1, description="Probability of a sales-ready win within the horizon."),
    ]
    sales_ready: bool | None
    basis: Annotated[
        str, Field(description="What the hand-off threshold rests on: see `GET /v1/model`.")
    ]
    cut: Annotated[
        float | None,
        Field(
            ge=0,
            le=1,
            description="Probability from which this lead is handed off; null where none decides.",
        ),
    ]
    band: Literal["A", "B", "C", "D"] | None
    probability_eventually: Annotated[
        float | None,
        Field(
            ge=0,
            le=1,
            description="Probability of a win within the longest horizon the data can show; never "
            "below `probability`. Null in versions that do not tell.",
        ),
    ]
    stage: Annotated[
        Literal["sales_ready_now", "nurture", "not_qualified"] | None,
        Field(
            description="`sales_ready_now`: handed off. `nurture`: not handed off, but in the end "
            "as likely to be won as the last one that is. `not_qualified`: neither."
        ),
    ]
    expected_margin: Annotated[
        float | None,
        Field(
            description="Money: probability times the margin expected of a win. Null where no "
            "won lead had a known margin."
        ),
    ]
    expected_margin_low: Annotated[
        float | None,
        Field(description="The same with margins that are not known placed low; see the method."),
    ]
    expected_margin_high: Annotated[
        float | None, Field(description="The same with margins that are not known placed high.")
    ]
    priority: Annotated[
        float | None,
        Field(
            ge=0,
            le=100,
            description="Share of the training leads, in percent, that the lead outranks by "
            "expected margin; by probability where no margin is known. Null in versions that do "
            "not tell.",
        ),
    ]
    hand_off: Annotated[
        bool | None, Field(description="Whether to hand the lead off: sales-ready or explored.")
    ]
    explored: Annotated[
        bool | None,
        Field(description="Below the cut, and handed off at random to learn from. Write it back."),
    ]
    handoff_probability: Annotated[
        float | None,
        Field(
            ge=0,
            le=1,
            description="With which probability it is handed off: 1 above the cut, the share "
            "explored below it. Write it back.",
        ),
    ]
    must_follow_up: Annotated[
        bool | None,
        Field(description="Explored: sales has to follow it up, or it teaches nothing."),
    ]
    points: float | None
    points_ready: bool | None
    reasons: Annotated[
        list[Reason],
        Field(
            description="The five strongest, strongest first, at least two up and two down where "
            "there are as many."
        ),
    ]
    reasons_sum: Annotated[
        ReasonsSum | None, Field(description="What the reasons sum to; null without a score.")
    ]
    model_version: str
    scored_at: str
    as_of: str | None
    points_bucket: str | None
    grade: str | None
    points_rules: list[RulePoints]
    warnings: list[str]
    recorded: Annotated[
        bool,
        Field(
            description="Whether the ledger keeps this score: on its disk within a second. False "
            "without a lasting lead id, and where the ledger takes nothing now."
        ),
    ]


class Problem(BaseModel):
    """Why a request was not answered."""

    detail: str


class FieldProblem(BaseModel):
    """What is wrong, and where."""

    loc: Annotated[list[str | int], Field(examples=[["body", "lead", "budget"]])]
    msg: str


class Invalid(BaseModel):
    """Everything that is wrong with a request."""

    detail: list[FieldProblem]


class BatchResult(ScoreAnswer):
    """One lead's score, or why it has none."""

    error: Annotated[str | None, Field(description="Null where the lead was scored.")]
    errors: list[FieldProblem]


class BatchAnswer(BaseModel):
    """One result for each lead, in the order sent."""

    scores: list[BatchResult]
    scored: int
    failed: int


class ModelCard(BaseModel):
    """The version that serves."""

    version: str
    trained_at: str
    trained_on: Annotated[
        dict[str, Any],
        Field(description="Leads and wins learnt from, and the first and last moment judged."),
    ]
    chosen: Annotated[str, Field(description="The candidate that won.")]
    threshold: Annotated[
        dict[str, Any],
        Field(
            description="Hand-off cut on the probability, and its basis: guaranteed, estimated, "
            "points (the agreed points decide) or none (nobody is handed off)."
        ),
    ]
    bands: Annotated[
        dict[str, float], Field(description="Smallest probability of the bands A, B and C.")
    ]
    features: list[str]
    agreement: dict[str, Any]
    agreement_hash: Annotated[str, Field(description="sha256 of the agreement's canonical JSON.")]
    points: dict[str, Any] | None
    eventually: Annotated[
        dict[str, Any] | None,
        Field(description="The longest horizon the data can show, and how later wins are told."),
    ]
    accounts: Annotated[
        dict[str, Any] | None,
        Field(description="How an account's probability follows from its leads', and holds."),
    ]
    value: Annotated[
        dict[str, Any] | None,
        Field(description="How expected margins are told, and from how many won leads."),
    ]
    metrics: Annotated[dict[str, Any], Field(description="Measured out of time, in training.")]
    looks_at: Annotated[
        dict[str, Any] | None,
        Field(
            description="What the model looks at: features by their mean effect, each with its "
            "ranges and how many of the training leads in them closed. Null in older versions."
        ),
    ]


class Status(BaseModel):
    """That the service is there."""

    status: Literal["ok"] = "ok"


class Readiness(BaseModel):
    """That the service can score, and with which version."""

    status: Literal["ready"] = "ready"
    version: str
    problem: str | None = Field(
        None,
        description="Why the champion named since was refused while this version goes on serving",
    )
    recording: bool = Field(
        description="Whether a score asked for now would be recorded; the log says why not"
    )


class Reloading(BaseModel):
    """What came of looking for the champion that is named."""

    version: str | None = Field(description="The version that serves now")
    previous: str | None = Field(description="The version that served before")
    changed: bool = Field(description="Whether another model serves than before")
    problem: str | None = Field(
        description="Why the champion that is named was refused; null where it serves"
    )
    challenger: str | None = Field(description="The version that scores in the shadow")
    challenger_problem: str | None = Field(
        description="Why the challenger that is named was refused; null where it was not"
    )
