"""What HubSpot's workflows send and take, as the OpenAPI description states it."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

_ACTION_EXAMPLE: dict[str, Any] = {
    "callbackId": "ap-102670506-56776413549-7-0",
    "origin": {"portalId": 102670506, "actionDefinitionId": 10646377},
    "object": {"objectId": 904, "objectType": "CONTACT"},
    "inputFields": {"lead_source": "Webinar", "company_size": "250"},
}
_WEBHOOK_EXAMPLE: dict[str, Any] = {
    "objectId": 904,
    "properties": {"lead_source": {"value": "Webinar"}, "company_size": {"value": "250"}},
}


class HubSpotObject(BaseModel):
    """The object that went through the workflow."""

    model_config = ConfigDict(extra="allow")

    objectId: int | str
    objectType: str = ""
    properties: dict[str, Any] = Field(default={}, description="Those that the action asks for.")


class HubSpotAction(BaseModel):
    """What a custom workflow action sends."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"examples": [_ACTION_EXAMPLE]})

    callbackId: str = ""
    origin: dict[str, Any] = Field(default={}, description="Which account and action.")
    object: HubSpotObject
    inputFields: Annotated[
        dict[str, Any], Field(description="The fields of the lead, as the action defines them.")
    ] = {}


class HubSpotWebhook(BaseModel):
    """What a workflow's webhook sends."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"examples": [_WEBHOOK_EXAMPLE]})

    objectId: int | str
    properties: Annotated[
        dict[str, Any],
        Field(description='By name, each a value or an object with the member "value".'),
    ] = {}


def _no_default(schema: dict[str, Any]) -> None:
    schema.pop("default", None)


def _output(told: str) -> Any:
    return Field(default=None, description=told, json_schema_extra=_no_default)


_Text = str | SkipJsonSchema[None]
_Number = float | SkipJsonSchema[None]
_Flag = Literal["true", "false"] | SkipJsonSchema[None]


class HubSpotOutput(BaseModel):
    """A score as flat texts and numbers; what is not known is left out."""

    leadml_probability: _Number = _output("Probability of a sales-ready outcome.")
    leadml_points: _Number = _output("The points score.")
    leadml_band: _Text = _output("A to D.")
    leadml_stage: _Text = _output("sales_ready_now, nurture or not_qualified.")
    leadml_hand_off: _Flag = _output("Whether to hand the lead off.")
    leadml_sales_ready: _Flag = _output("Whether it reaches the threshold.")
    leadml_priority: _Number = _output("0 to 100.")
    leadml_expected_margin: _Number = _output("Money.")
    leadml_grade: _Text = _output("The grade of the points.")
    leadml_model_version: _Text = _output("The version that answered.")
    leadml_scored_at: _Text = _output("When it answered.")
    leadml_reasons: _Text = _output("The strongest reasons, one a line.")
    leadml_recorded: Literal["true", "false"] = Field(description="Whether the ledger keeps it.")
    leadml_error: _Text = _output("Why there is no score.")
    hs_execution_state: Literal["SUCCESS", "FAIL_CONTINUE"] = Field(
        description="What HubSpot makes of it."
    )


class HubSpotAnswer(BaseModel):
    """What a workflow takes up."""

    outputFields: HubSpotOutput
