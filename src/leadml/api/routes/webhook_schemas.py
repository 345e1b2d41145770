"""What webhooks are sent, as the service's OpenAPI 3.1 description states it."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

_MOMENT: dict[str, Any] = {"format": "date-time"}


class ToldScore(BaseModel):
    """A score that a lead had; what it did not say is null."""

    model_config = ConfigDict(extra="forbid")

    scored_at: Annotated[str, Field(description="When, in UTC.", json_schema_extra=_MOMENT)]
    band: Annotated[str | None, Field(description="Band of the probability.")]
    sales_ready: Annotated[bool | None, Field(description="Whether it reached the cut.")]
    probability: Annotated[float | None, Field(ge=0, le=1, description="Probability to be won.")]
    points: Annotated[float | None, Field(description="The points score.")]
    hand_off: Annotated[bool | None, Field(description="Whether sales is to have it.")]
    explored: Annotated[
        bool | None,
        Field(description="Handed off at random below the cut: sales has to follow it up."),
    ]


class NewScore(ToldScore):
    """The score that a lead has now, with its reasons where it told any."""

    reasons: Annotated[
        list[dict[str, Any]] | None,
        Field(max_length=5, description="Reasons of the score, the weightiest first."),
    ] = None


class WebhookMessage(BaseModel):
    """What an endpoint is told of one lead."""

    model_config = ConfigDict(extra="forbid")

    id: Annotated[
        str, Field(description="The same for every try, and the header webhook-id: keep it.")
    ]
    type: Annotated[
        Literal["band_changed", "sales_ready_crossed", "must_follow_up"],
        Field(description="What changed."),
    ]
    created_at: Annotated[
        str, Field(description="When the score was recorded, UTC.", json_schema_extra=_MOMENT)
    ]
    sequence: Annotated[
        int, Field(description="Rises in the order of recording: a lower one of a lead is past.")
    ]
    lead: Annotated[str, Field(description="The lead's id.")]
    account: Annotated[str | None, Field(description="Its account.")]
    owner: Annotated[str | None, Field(description="Whose lead it is.")]
    before: Annotated[
        ToldScore | None, Field(alias="from", description="Null at a lead's first score.")
    ]
    to: Annotated[NewScore, Field(description="The score that changed it.")]
    model_version: Annotated[str | None, Field(description="Which version scored.")]
    agreement_hash: Annotated[str | None, Field(description="Under which agreement.")]


sent = APIRouter(
    tags=["webhooks"],
    responses={
        204: {"description": "Taken; any other 2xx says so, too."},
        410: {"description": "No more messages, please."},
        "4XX": {"description": "Not taken: tried again later."},
        "5XX": {"description": "Not taken: tried again later."},
    },
)
"""Requests that the service makes."""


@sent.post("band_changed", status_code=204, operation_id="tell_band_changed")
def band_changed(message: WebhookMessage) -> None:
    """Tell that a lead's band is another one.

    Signed as Standard Webhooks 1.0.0 has it, in webhook-id, webhook-timestamp, webhook-signature.
    """


@sent.post("sales_ready_crossed", status_code=204, operation_id="tell_sales_ready_crossed")
def sales_ready_crossed(message: WebhookMessage) -> None:
    """Tell that a lead became ready for sales, or stopped being so.

    Signed as Standard Webhooks 1.0.0 has it, in webhook-id, webhook-timestamp, webhook-signature.
    """


@sent.post("must_follow_up", status_code=204, operation_id="tell_must_follow_up")
def must_follow_up(message: WebhookMessage) -> None:
    """Tell that a lead below the cut is handed off at random, and has to be followed up.

    Signed as Standard Webhooks 1.0.0 has it, in webhook-id, webhook-timestamp, webhook-signature.
    """
