"""What the service takes and gives of the ledger, as its OpenAPI description states it."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from leadml.api.routes.schemas import MOMENT, FieldProblem, Given
from leadml.data.values import to_text
from leadml.domain.event_check import MOST_CHARACTERS

MOST_EVENTS = 1_000

EventKind = Literal[
    "scored", "handed_off", "accepted", "rejected", "followed_up", "won", "lost", "reopened",
    "corrected",
]  # fmt: skip

EVENT_EXAMPLE: dict[str, Any] = {
    "event": "rejected",
    "lead": "L-1042",
    "happened_at": "2026-03-05T14:20:00+01:00",
    "owner": "kim",
    "idempotency_key": "crm-88213",
    "detail": {"reason": "wrong_person", "right_person": "Jo Doe, purchasing"},
}


def _name(value: object) -> object:
    """Spell a number as a text, as everywhere; leave what is neither to be refused."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return to_text(value) if number else value


def _name_schema(shortest: int) -> WithJsonSchema:
    text = {"type": "string", "minLength": shortest, "maxLength": MOST_CHARACTERS}
    return WithJsonSchema({"anyOf": [text, {"type": "number"}]})


Name = Annotated[str, BeforeValidator(_name), _name_schema(1)]
Told = Annotated[str, BeforeValidator(_name), _name_schema(0)]
"""A name that may be missing: empty says nothing."""


class EventIn(Given):
    """One thing that happened to one lead."""

    model_config = ConfigDict(
        extra="forbid", strict=True, json_schema_extra={"examples": [EVENT_EXAMPLE]}
    )

    event: Annotated[EventKind, Field(description="What happened.")]
    lead: Annotated[Name, Field(description="The lead's id, as `POST /v1/score` takes it.")]
    happened_at: Annotated[
        str,
        Field(
            description="When it happened, not when it is sent: an ISO 8601 time, or a date (00:00 "
            "in the configured time zone). Without an offset it is read in that zone.",
        ),
        WithJsonSchema({"anyOf": MOMENT}),
    ]
    account: Annotated[Told | None, Field(description="The lead's company.")] = None
    owner: Annotated[Told | None, Field(description="The sales representative.")] = None
    model_version: Annotated[
        Told | None,
        Field(
            description="The version whose score led to it. Left out: that of the lead's last "
            "score before it."
        ),
    ] = None
    agreement_hash: Annotated[
        str | None, Field(description="The agreement in force. Left out: that of the same score.")
    ] = None
    idempotency_key: Annotated[
        Told | None,
        Field(
            description="Your name of this event: sent again under it, it is kept once. Left out: "
            "a hash of the event, so the very same event counts once."
        ),
    ] = None
    detail: Annotated[
        dict[str, Any] | None,
        Field(
            description="What else there is to say. `handed_off`: explored, handoff_probability, "
            "attributes. `rejected`: reason, text, right_person. `won`: amount, margin_amount. "
            "`corrected`: corrects (the key of the event it mends) and void, or what replaces: "
            "happened_at, event, owner, account, detail. `scored`: the fields of a score."
        ),
    ] = None


def _or_anything(schema: dict[str, Any]) -> None:
    """Say of the list that an item which is no event is answered, too, with its problems."""
    schema["items"] = {"anyOf": [schema["items"], {}]}


class EventBatch(BaseModel):
    """Up to 1,000 events."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"events": [EVENT_EXAMPLE]}]}
    )

    events: Annotated[
        list[EventIn],
        Field(min_length=1, max_length=MOST_EVENTS, json_schema_extra=_or_anything),
    ]


class EventResult(BaseModel):
    """What became of one event."""

    status: Annotated[
        Literal["recorded", "duplicate", "refused"],
        Field(
            description="`recorded`: on the ledger's disk. `duplicate`: it was there already, with "
            "this id and time. `refused`: not kept, see `error`."
        ),
    ]
    id: Annotated[int | None, Field(description="Rises in the order of recording; null: refused.")]
    idempotency_key: Annotated[
        str | None, Field(description="The key it is kept under, or was to be.")
    ]
    recorded_at: Annotated[str | None, Field(description="When the ledger first took it, UTC.")]
    error: Annotated[str | None, Field(description="Why it was refused; else null.")]
    errors: Annotated[list[FieldProblem], Field(description="Each problem, with its path.")]


class EventsAnswer(BaseModel):
    """One result for each event, in the order sent."""

    results: list[EventResult]
    recorded: Annotated[int, Field(description="How many events are new.")]
    duplicates: Annotated[int, Field(description="How many were there already.")]
    failed: Annotated[int, Field(description="How many were refused.")]


class StateScore(BaseModel):
    """The score that counts for a lead: the last one at or before its hand-off."""

    scored_at: Annotated[str, Field(description="When it was given, UTC.")]
    probability: Annotated[float | None, Field(description="Of a sales-ready win.")]
    points: Annotated[float | None, Field(description="The points score.")]
    band: Annotated[str | None, Field(description="A to D.")]
    sales_ready: Annotated[bool | None, Field(description="Whether it reached the cut.")]
    explored: Annotated[bool | None, Field(description="Handed off at random to learn from.")]
    handoff_probability: Annotated[float | None, Field(description="Chance of a hand-off.")]
    model_version: Annotated[str | None, Field(description="The version that scored.")]
    agreement_hash: Annotated[str | None, Field(description="The agreement it scored under.")]


class State(BaseModel):
    """What is known of a lead now, corrections applied; times in UTC."""

    lead: Annotated[str, Field(description="Its id.")]
    state: Annotated[
        Literal[
            "scored", "handed_off", "accepted", "rejected", "followed_up", "won", "lost", "open"
        ],
        Field(description="Where it stands; `open`: reopened, or every event was taken back."),
    ]
    account: Annotated[str | None, Field(description="The latest told.")]
    owner: Annotated[str | None, Field(description="The latest told.")]
    attributes: Annotated[
        dict[str, Any],
        Field(description="source, industry, segment, account_size: the latest told of each."),
    ]
    created_at: Annotated[str | None, Field(description="When it came in.")]
    qualified_at: Annotated[str | None, Field(description="When marketing found it qualified.")]
    handed_off_at: Annotated[str | None, Field(description="Its first hand-off.")]
    handed_off_recorded_at: Annotated[
        str | None,
        Field(description="When the ledger was told of that hand-off, or last told another time."),
    ]
    handed_off_moved: Annotated[
        bool | None, Field(description="Whether the hand-off recorded first told another time.")
    ]
    accepted_at: Annotated[str | None, Field(description="When sales first accepted it.")]
    rejected_at: Annotated[
        str | None, Field(description="The last rejection, unless it was accepted later.")
    ]
    rejection_reason: Annotated[str | None, Field(description="Why, from the configured list.")]
    rejection_text: Annotated[str | None, Field(description="Why, in words.")]
    right_person: Annotated[str | None, Field(description="Who would have been the right one.")]
    followed_up_at: Annotated[
        str | None, Field(description="The first follow-up at or after the hand-off.")
    ]
    outcome: Annotated[Literal["won", "lost"] | None, Field(description="How it closed last.")]
    closed_at: Annotated[str | None, Field(description="When it closed last.")]
    amount: Annotated[float | None, Field(description="Of the win, in money.")]
    margin_amount: Annotated[float | None, Field(description="Its margin, in money.")]
    outcome_recorded_at: Annotated[
        str | None, Field(description="When it was written down: in the CRM, else in the ledger.")
    ]
    outcome_known_at: Annotated[
        str | None, Field(description="When the ledger was told of that outcome.")
    ]
    explored: Annotated[bool | None, Field(description="Handed off at random to learn from.")]
    handoff_probability: Annotated[float | None, Field(description="Chance of a hand-off.")]
    model_version: Annotated[str | None, Field(description="Of its hand-off, else its score.")]
    agreement_hash: Annotated[str | None, Field(description="Of its hand-off, else its score.")]
    score: Annotated[StateScore | None, Field(description="The score that counts.")]
    events: Annotated[int, Field(description="How many events stand.")]


class Counts(BaseModel):
    """How many there are, those not listed included."""

    scores: int
    shadow_scores: int
    hand_offs: int
    outcomes: int
    events: int


class LeadHistory(BaseModel):
    """One lead's history, newest first."""

    lead: Annotated[str, Field(description="Its id.")]
    state: State
    counts: Counts
    scores: Annotated[
        list[dict[str, Any]],
        Field(
            description="Scores given: id, happened_at, recorded_at, account, owner, "
            "model_version, agreement_hash, idempotency_key, and the score's own fields, reasons "
            "included. Corrections are applied here and in the three lists below."
        ),
    ]
    shadow_scores: Annotated[
        list[dict[str, Any]],
        Field(
            description="Scores that a challenger made in the shadow and nobody was given, with "
            "the same fields, without reasons; `shadow` is true."
        ),
    ]
    hand_offs: Annotated[
        list[dict[str, Any]],
        Field(
            description="Hand-offs, with the same fields. model_version and agreement_hash are "
            "those told, or else those of the last score at or before it."
        ),
    ]
    outcomes: Annotated[
        list[dict[str, Any]],
        Field(description="Events won, lost and reopened, likewise: amount and margin_amount."),
    ]
    events: Annotated[
        list[dict[str, Any]],
        Field(
            description="Every event as it was recorded, corrections among them; the detail of "
            "scores is under `scores`."
        ),
    ]
