"""What the description says that webhooks are sent is what they are sent."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from leadml.api.routes.webhook_schemas import WebhookMessage
from leadml.domain.crossing import KINDS, Crossing
from leadml.domain.event import Event, Stored
from leadml.domain.webhook import message

THEN = datetime(2026, 3, 1, 9, tzinfo=UTC)
FULL = {
    "band": "A",
    "sales_ready": True,
    "probability": 0.5,
    "points": 61.0,
    "hand_off": True,
    "explored": False,
    "reasons": [{"feature": "source"}] * 7,
}


def sent(before: dict[str, Any] | None, after: dict[str, Any], **more: Any) -> dict[str, Any]:
    def stored(detail: dict[str, Any]) -> Stored:
        event = Event(event="scored", lead="L1", happened_at=THEN, detail=detail, **more)
        return Stored(id=7, recorded_at=THEN, event=event)

    earlier = None if before is None else stored(before)
    crossing = Crossing(kind="band_changed", before=earlier, after=stored(after))
    return message(crossing, identity="msg_1", now=THEN)


@pytest.mark.parametrize(
    ("before", "after"), [(None, {}), (None, FULL), (FULL, {"band": "B"}), (FULL, FULL)]
)
@pytest.mark.parametrize("more", [{}, {"account": "Acme", "owner": "ann", "model_version": "7"}])
def test_every_message_is_as_described(before: Any, after: Any, more: Any) -> None:
    told = sent(before, after, **more)
    read = WebhookMessage.model_validate(told, strict=True)
    assert read.model_dump(by_alias=True, exclude_unset=True) == told
    for name in WebhookMessage.model_fields:
        with pytest.raises(ValidationError, match="Field required"):
            WebhookMessage.model_validate(
                {key: told[key] for key in told if key != {"before": "from"}.get(name, name)}
            )


def test_every_message_is_described(service: Any) -> None:
    described = service.client.get("/openapi.json").json()
    assert list(described["webhooks"]) == list(KINDS)
    for kind in KINDS:
        operation = described["webhooks"][kind]["post"]
        body = operation["requestBody"]["content"]["application/json"]["schema"]
        assert body == {"$ref": "#/components/schemas/WebhookMessage"}
        assert list(operation["responses"]) == ["204", "410", "4XX", "5XX"]
        assert "security" not in operation
    message_of = described["components"]["schemas"]["WebhookMessage"]["properties"]
    assert message_of["type"]["enum"] == list(KINDS)
    assert "from" in message_of
