import socket
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pytest

from leadml.domain.tryton import TrytonConnection
from leadml.errors import CrmBusy, CrmError
from leadml.workflows.crm.patience import Pace
from leadml.workflows.crm.tryton_rpc import TrytonRefusalError, TrytonRpc

WHERE = r"^http://127\.0\.0\.1:\d+/crm/rpc/"


def connection(url: str) -> TrytonConnection:
    return TrytonConnection(url=url, database="crm", user="leadml", columns={"id": "number"})


@pytest.fixture
def rpc(fake: Any) -> Iterator[TrytonRpc]:
    session = TrytonRpc(connection(fake.url), "right", pace=Pace(1e6))
    yield session
    session.close()


def test_a_call_signs_in_once_and_speaks_for_the_users_company(fake: Any, rpc: TrytonRpc) -> None:
    fake.put(4)
    method = "model.sale.opportunity.read"
    (row,) = rpc.call(method, [4], ["number"], context={"extra": 1})
    assert row["number"] == "4"
    rpc.call(method, [4], ["number"])
    assert fake.logins == [["leadml", {"password": "right"}]]
    company = {"company": 3, "companies": [3]}
    assert fake.asked == [
        (method, [[4], ["number"], {**company, "extra": 1}]),
        (method, [[4], ["number"], company]),
    ]


def test_types_are_read_and_written(fake: Any, rpc: TrytonRpc) -> None:
    fake.put(
        4,
        create_date=stamp(2026, 3, 1, 8, 15, 30, 250),
        end_date={"__class__": "date", "year": 2026, "month": 3, "day": 9},
        amount={"__class__": "Decimal", "decimal": "1200.50"},
        number={"__class__": "time", "hour": 9, "minute": 30, "second": 0, "microsecond": 0},
        rank={"__class__": "timedelta", "seconds": 43_200},
        band={"__class__": "bytes", "base64": "aGk="},
    )
    (row,) = rpc.call("model.sale.opportunity.read", [4], [])
    assert row["create_date"] == datetime(2026, 3, 1, 8, 15, 30, 250, tzinfo=UTC)
    assert row["end_date"] == date(2026, 3, 9)
    assert row["amount"] == 1200.5
    assert row["number"] == time(9, 30)
    assert row["rank"] == 0.5  # days
    assert row["band"] is None
    berlin = datetime.fromisoformat("2026-03-01T09:15:30.000250+01:00")
    rpc.call("model.sale.opportunity.read", [4], [berlin, Decimal("7.10")])
    told, money = fake.asked[-1][1][1]
    assert told == stamp(2026, 3, 1, 8, 15, 30, 250)
    assert money == {"__class__": "Decimal", "decimal": "7.10"}
    with pytest.raises(TypeError, match=r"^set has no form in Tryton's JSON"):
        rpc.call("model.sale.opportunity.read", {4}, [])


def stamp(*parts: int) -> dict[str, Any]:
    names = ("year", "month", "day", "hour", "minute", "second", "microsecond")
    return {"__class__": "datetime", **dict(zip(names, parts, strict=True))}


def test_a_session_that_ended_is_begun_again(fake: Any, rpc: TrytonRpc) -> None:
    fake.put(4)
    rpc.call("model.sale.opportunity.read", [4], [])
    fake.faults = [(401, {}, b"")]
    assert rpc.call("model.sale.opportunity.read", [4], [])[0]["id"] == 4
    assert len(fake.logins) == 2


def test_a_wrong_password_is_refused_without_being_told(fake: Any) -> None:
    session = TrytonRpc(connection(fake.url), "wrong", pace=Pace(1e6))
    with pytest.raises(CrmError, match=r"does not let 'leadml' in: .*_PASSWORD$") as refused:
        session.call("model.sale.opportunity.read", [4], [])
    assert "wrong" not in str(refused.value)
    assert not isinstance(refused.value, CrmBusy)
    session.close()


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_busy_tryton_is_to_be_asked_again(status: int, fake: Any, rpc: TrytonRpc) -> None:
    fake.faults = [(status, {"Retry-After": "12"}, b"")]
    with pytest.raises(CrmBusy, match=rf"is busy \(status {status}\)") as busy:
        rpc.call("model.sale.opportunity.read", [4], [])
    assert busy.value.retry_after == 12.0


def test_a_tryton_that_cannot_be_reached_is_busy_too() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    session = TrytonRpc(connection(url), "right", pace=Pace(1e6))
    with pytest.raises(CrmBusy, match=WHERE + r" cannot be reached \(Connection refused\)") as busy:
        session.call("model.sale.opportunity.read", [4], [])
    assert busy.value.retry_after is None
    session.close()


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b'{"result": {"__class__": "datetime", "year": 1}}'),
        (200, b'{"result": {"__class__": "timedelta", "seconds": 1e300}}'),
        (200, b'{"result": {"__class__": "date", "year": "x", "month": 1, "day": 1}}'),
        (200, b"[" * 200_000),
        (200, b"<html>"),
        (200, b"[]"),
        (200, b'{"id": 1}'),
        (404, b"{}"),
        (302, b""),
    ],
)
def test_what_is_no_tryton_is_said_to_be_none(
    status: int, body: bytes, fake: Any, rpc: TrytonRpc
) -> None:
    fake.faults = [(status, {}, body)]
    match = WHERE + rf" does not answer as Tryton does \(status {status}\): check .* url"
    with pytest.raises(CrmError, match=match):
        rpc.call("model.sale.opportunity.read", [4], [])


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        ('["UserError", ["The value is\\n wrong.", "", null]]', "UserError", "The value is wrong."),
        ('["UserWarning", ["name", "text", ""]]', "UserWarning", "name"),
        ('["ConcurrencyException", "changed"]', "ConcurrencyException", "changed"),
        ('["\'nope\'", ""]', "", "Tryton failed: 'nope'"),
        ('"odd"', "", "Tryton failed: odd"),
        ('["UserError", ["a\\u001b[31mred"]]', "UserError", "a [31mred"),  # no colours of others
        ("[]", "", "Tryton failed: "),
    ],
)
def test_a_refusal_is_in_trytons_words(
    error: str, kind: str, words: str, fake: Any, rpc: TrytonRpc
) -> None:
    rpc.call("model.sale.opportunity.read", [], [])
    fake.faults = [(200, {}, f'{{"id": 1, "error": {error}}}'.encode())]
    with pytest.raises(TrytonRefusalError) as refused:
        rpc.call("model.sale.opportunity.read", [4], [])
    assert (str(refused.value), refused.value.kind) == (words, kind)


def test_a_long_refusal_is_cut(fake: Any, rpc: TrytonRpc) -> None:
    fake.faults = [(200, {}, b'{"id": 1, "error": ["UserError", ["' + b"x" * 400 + b'"]]}')]
    with pytest.raises(TrytonRefusalError) as refused:
        rpc.call("model.sale.opportunity.read", [4], [])
    assert str(refused.value) == "x" * 299 + "…"


def test_every_request_keeps_the_pace(fake: Any) -> None:
    now, slept = [0.0], list[float]()

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    pace = Pace(2.0, clock=lambda: now[0], sleep=sleep)
    session = TrytonRpc(connection(fake.url), "right", pace=pace)
    session.call("model.sale.opportunity.read", [], [])
    session.close()
    assert slept == [0.5, 0.5, 0.5]  # login, preferences, call, logout


@pytest.mark.parametrize("result", [b"[]", b"7", b'{"a": 1}', b"null"])
def test_a_sign_in_that_is_none_is_said(result: bytes, fake: Any, rpc: TrytonRpc) -> None:
    fake.faults = [(200, {}, b'{"result": ' + result + b"}")]
    with pytest.raises(CrmError, match=WHERE + r" does not answer as Tryton does \(\w+Error\)"):
        rpc.call("model.sale.opportunity.read", [4], [])


@pytest.mark.parametrize("result", [b"null", b'{"company": {"__class__": "time"}}'])
def test_preferences_that_are_none_are_said(result: bytes, fake: Any, rpc: TrytonRpc) -> None:
    login = b'{"result": [7, "token", null]}'
    fake.faults = [(200, {}, login), (200, {}, b'{"result": ' + result + b"}")]
    with pytest.raises(CrmError, match=WHERE + r" does not answer as Tryton does"):
        rpc.call("model.sale.opportunity.read", [4], [])


def test_a_session_that_never_holds_is_said(fake: Any, rpc: TrytonRpc) -> None:
    login = (200, {}, b'{"result": [7, "other", null]}')
    fake.faults = [login, (401, {}, b""), login, (401, {}, b"")]
    with pytest.raises(CrmError, match=r"signs 'leadml' in, and out again at once"):
        rpc.call("model.sale.opportunity.read", [4], [])


def test_an_answer_too_long_is_not_read(fake: Any, rpc: TrytonRpc) -> None:
    fake.faults = [(200, {}, b'{"result": "' + b"a" * 16_000_000 + b'"}')]
    with pytest.raises(CrmError, match=r"more than 16,000,000 bytes: lower \[crm\.tryton\] page"):
        rpc.call("model.sale.opportunity.read", [4], [])


def test_an_answer_that_does_not_end_is_given_up(fake: Any) -> None:
    session = TrytonRpc(connection(fake.url), "right", pace=Pace(1e6), seconds=0.3)
    fake.faults = [(200, {"Transfer-Encoding": "chunked"}, b"9\r\n{")]
    with pytest.raises(CrmBusy, match=r"broke off its answer, or took over 0\.3 seconds"):
        session.call("model.sale.opportunity.read", [4], [])
    session.close()
