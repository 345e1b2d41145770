"""How messages stand, and what did not arrive."""

from typing import Any

import pytest

from leadml.pages.site import Frame
from leadml.pages.webhooks_page import Mail, webhooks_page

FRAME = Frame("/webhooks")


def endpoint(name: str = "crm", **more: Any) -> dict[str, Any]:
    told = {
        "name": name,
        "host": "crm.example",
        "on": ["band_changed"],
        "problem": None,
        "pending": 0,
        "delivered_last_day": 1_234,
        "dead": 0,
        "oldest_pending": None,
        "last_error": None,
        "last_error_at": None,
    }
    return told | more


def letter(number: int, **more: Any) -> dict[str, Any]:
    told = {
        "id": f"msg_{number}",
        "endpoint": "crm",
        "kind": "sales_ready_crossed",
        "lead": "a/b <i>",
        "queued_at": "2026-03-01T09:00:00+00:00",
        "finished_at": "2026-03-04T09:30:00+00:00",
        "attempts": 18,
        "error": "HTTP 500 <b>",
    }
    return told | more


def page(*endpoints: dict[str, Any], letters: Any = (), may_change: bool = True) -> str:
    return webhooks_page(Mail(endpoints, letters, may_change), FRAME, token="t<")


@pytest.mark.parametrize(
    ("endpoints", "words"),
    [
        ((), "Nobody is told of changes."),
        ((endpoint(),), "Nothing waits."),
        ((endpoint(pending=1),), "1 message waits."),
        ((endpoint(pending=2), endpoint("chat", pending=3)), "5 messages wait."),
        ((endpoint(dead=1, pending=9),), "1 dead letter."),
        ((endpoint(dead=1_000), endpoint("chat", dead=1)), "1,001 dead letters."),
    ],
)
def test_what_matters_most_is_the_headline(endpoints: Any, words: str) -> None:
    assert f"<h1>{words}</h1>" in page(*endpoints)


def test_every_endpoint_with_its_numbers() -> None:
    failed = endpoint(
        "chat",
        pending=7,
        oldest_pending="2026-03-01T09:00:00+00:00",
        last_error="no answer within 15 seconds",
        last_error_at="2026-03-01T09:05:00+00:00",
    )
    shown = page(endpoint(), failed)
    assert '<data value="1234">1,234</data>' in shown
    assert '<data value="7">7</data>' in shown
    assert '<time datetime="2026-03-01T09:00:00+00:00">2026-03-01 09:00 UTC</time>' in shown
    assert "no answer within 15 seconds" in shown
    assert shown.count("crm.example") == 2


def test_what_keeps_messages_from_being_sent_is_said() -> None:
    gone = endpoint("old", host=None, problem="it is not in leadml.toml any more", pending=1)
    shown = page(endpoint(problem="messages wait: set a secret"), gone)
    assert '<p class="problem" role="alert">Messages wait: set a secret.</p>' in shown
    assert '<span class="problem">it is not in leadml.toml any more</span>' in shown


def test_dead_letters_and_what_administrators_may_do() -> None:
    shown = page(endpoint(dead=3), letters=[letter(1), letter(2, attempts=1)])
    assert shown.count('action="/webhooks/retry"') == 3
    assert '<input type="hidden" name="token" value="t&lt;">' in shown
    assert '<input type="hidden" name="id" value="">' in shown
    assert '<input type="hidden" name="id" value="msg_2">' in shown
    assert '<a href="/leads?lead=a/b%20%3Ci%3E">a/b &lt;i&gt;</a>' in shown
    assert "HTTP 500 &lt;b&gt;" in shown
    assert "sales-ready crossed" in shown
    assert "leadml webhooks dead --limit 3" in shown
    others = page(endpoint(dead=2), letters=[letter(1), letter(2)], may_change=False)
    assert "<form" not in others
    assert "needs a key for administrators" in others
    assert "--limit" not in others


def test_no_dead_letters() -> None:
    assert "There are none." in page(endpoint())
    assert "[webhooks.NAME]" in page()
