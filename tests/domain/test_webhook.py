"""Where messages go, how often they are tried, and what they say."""

from datetime import UTC, datetime
from typing import Any

import pytest

from leadml.domain.crossing import Crossing
from leadml.domain.event import Event, Stored
from leadml.domain.webhook import Endpoint, delay, message

THEN = datetime(2026, 3, 1, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    "url",
    [
        "https://crm.example/hook?x=1",
        "https://10.0.0.7:8443/",
        "http://localhost:9000/a",
        "http://127.0.0.2/",
        "http://[::1]:80/",
    ],
)
def test_addresses_that_may_be_told(url: str) -> None:
    assert Endpoint(url=url).url == url


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://crm.example/", r"url must be https: crm\.example is another machine"),
        ("http://10.0.0.7/", r"url must be https: 10\.0\.0\.7 is another machine"),
        ("http://127.0.0.1.evil.example/", "url must be https"),
        ("ftp://crm.example/", "url must be https://HOST/PATH"),
        ("file:///etc/passwd", "url must be https://HOST/PATH"),
        ("https://", "url must be https://HOST/PATH"),
        ("crm.example/hook", "url must be https://HOST/PATH"),
        ("https://a b.example/", "url must be https://HOST/PATH"),
        ("https://crm.example/a\r\nX-Evil: 1", "url must be https://HOST/PATH"),
        ("https://user:pw@crm.example/", "url must hold no user or password"),
        ("https://[::1/", "url is not an address"),
        ("https://crm.example:port/", "url is not an address"),
    ],
)
def test_addresses_that_are_refused(url: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem) as refused:
        Endpoint(url=url)
    assert "pw" not in str(refused.value)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (
            {"on": ("scored",)},
            "on must list some of band_changed, sales_ready_crossed, must_follow_up",
        ),
        ({"on": ()}, "on must list some of"),
        ({"on": ("band_changed", "band_changed")}, "each once"),
        ({"timeout": 0.5}, "timeout must be 1 to 60 seconds, found 0.5"),
        ({"timeout": 61.0}, "timeout must be"),
        ({"attempts": 0}, "attempts must be 1 to 100, found 0"),
        ({"attempts": 101}, "attempts must be"),
    ],
)
def test_values_out_of_range(given: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        Endpoint(url="https://crm.example/", **given)


def test_only_the_host_is_shown() -> None:
    assert Endpoint(url="https://crm.example:8443/token/4711").host == "crm.example:8443"


def test_tries_span_about_three_days() -> None:
    # 5 x 4^n: 5, 20, 80, 320, 1,280, 5,120, 20,480 s, then 21,600 s (6 h) each
    assert [delay(tried) for tried in (1, 2, 7, 8, 100)] == [5, 20, 20_480, 21_600, 21_600]
    # of 18 tries: 27,305 s + 10 x 21,600 s = 243,305 s; with every delay a fifth longer 291,966 s
    patience = Endpoint(url="https://crm.example/").patience
    assert patience == pytest.approx(291_966)
    assert 2.5 < patience / 86_400 < 3.5
    assert Endpoint(url="https://crm.example/", attempts=1).patience == 86_400  # a day


def stored(number: int, **detail: Any) -> Stored:
    event = Event(
        event="scored",
        lead="L1",
        happened_at=THEN,
        account="Acme",
        owner="ann",
        model_version="7",
        agreement_hash="abc",
        detail=detail,
    )
    return Stored(id=number, recorded_at=THEN, event=event)


def test_what_a_message_says() -> None:
    reasons = [{"feature": f"f{n}"} for n in range(7)]
    after = stored(
        12, band="A", sales_ready=True, probability=0.5, points=61, explored=True, reasons=reasons
    )
    before = stored(9, band="B", sales_ready=False, probability=0.25, hand_off=False)
    now = datetime(2026, 3, 1, 9, 0, 1, tzinfo=UTC)
    crossing = Crossing(kind="band_changed", before=before, after=after)
    assert message(crossing, identity="msg_1", now=now) == {
        "id": "msg_1",
        "type": "band_changed",
        "created_at": "2026-03-01T09:00:01+00:00",
        "sequence": 12,
        "lead": "L1",
        "account": "Acme",
        "owner": "ann",
        "from": {
            "scored_at": "2026-03-01T09:00:00+00:00",
            "band": "B",
            "sales_ready": False,
            "probability": 0.25,
            "points": None,
            "hand_off": False,
            "explored": None,
        },
        "to": {
            "scored_at": "2026-03-01T09:00:00+00:00",
            "band": "A",
            "sales_ready": True,
            "probability": 0.5,
            "points": 61,
            "hand_off": None,
            "explored": True,
            "reasons": reasons[:5],
        },
        "model_version": "7",
        "agreement_hash": "abc",
    }
    first = message(Crossing(kind="x", before=None, after=stored(1)), identity="m", now=now)
    assert first["from"] is None
    assert "reasons" not in first["to"]
