from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from leadml.domain.tryton import TrytonConnection
from leadml.errors import ConfigError, CrmError
from leadml.settings import Settings
from leadml.workflows.crm.connector import CrmScore
from leadml.workflows.crm.patience import Pace, Patience
from leadml.workflows.crm.sync import sync
from leadml.workflows.crm.tryton import TrytonConnector, tryton_connector
from leadml.workflows.crm.wording import with_block

COLUMNS = {
    "id": "number",
    "stage": "state",
    "created": "create_date",
    "handed": "@opportunity, converted",
    "closed": "@closed",
    "worth": "amount",
    "source": "party.name",
    "size": "lines",
}
MARK = "0123456789abcdef"
MORNING = datetime(2026, 3, 2, 8, tzinfo=UTC)
Make = Callable[..., TrytonConnector]


def connection(url: str, **settings: Any) -> TrytonConnection:
    given = {"database": "crm", "user": "leadml", "columns": COLUMNS} | settings
    return TrytonConnection(url=url, **given)


@pytest.fixture
def make(fake: Any) -> Iterator[Make]:
    made: list[TrytonConnector] = []

    def connector(**settings: Any) -> TrytonConnector:
        made.append(
            TrytonConnector(
                connection(fake.url, **settings),
                "right",
                zone=ZoneInfo("Europe/Berlin"),
                pace=Pace(1e6),
            )
        )
        return made[-1]

    yield connector
    for each in made:
        each.close()


def stamp(*parts: int) -> dict[str, Any]:
    names = ("year", "month", "day", "hour", "minute", "second", "microsecond")
    padded = (*parts, 0, 0, 0, 0)[:7]
    return {"__class__": "datetime", **dict(zip(names, padded, strict=True))}


def logged(number: int, event: str, target: str, *parts: int) -> dict[str, Any]:
    return {
        "resource": f"sale.opportunity,{number}",
        "event": event,
        "target": target,
        "create_date": stamp(*parts),
    }


def score(lead: Any, **answer: Any) -> CrmScore:
    given = {"probability": 0.42347, "band": "A", "hand_off": True, "points": None} | answer
    return CrmScore(lead=lead, answer=given, text="words", mark=MARK)


def test_a_lead_is_read_by_the_fields_it_is_mapped_to(fake: Any, make: Make) -> None:
    fake.put(
        4,
        number="OP-4",
        amount={"__class__": "Decimal", "decimal": "12.50"},
        **{"party.": {"id": 9, "name": "Acme"}},
        lines=[1, 2, 3],
        comment=with_block("mine", "words", MARK),
    )
    fake.put(5, **{"party.": None})
    page = make().page(None, None)
    one, two = page.leads
    assert one.columns == {
        "id": "OP-4",
        "stage": "lead",
        "created": datetime(2026, 3, 1, 8, tzinfo=UTC),
        "handed": None,
        "closed": None,
        "worth": 12.5,
        "source": "Acme",
        "size": 3,
    }
    assert (one.key, one.mark, one.wants_score, one.activities) == ("4", MARK, True, None)
    assert (two.columns["source"], two.columns["size"], two.mark) == (None, 0, None)
    assert (page.after, page.left) == (None, 0)


def test_pages_go_on_by_id(fake: Any, make: Make) -> None:
    for number in (3, 4, 8, 9, 12):
        fake.put(number)
    crm = make(page=2)
    pages = [crm.page(None, None), crm.page(None, "4"), crm.page(None, "9")]
    assert [[lead.key for lead in page.leads] for page in pages] == [["3", "4"], ["8", "9"], ["12"]]
    assert [(page.after, page.left) for page in pages] == [("4", 3), ("9", 1), (None, 0)]
    assert make(page=5).page(None, None).after is None  # full, and nothing comes after it


def test_changed_since_asks_for_what_was_made_or_written(fake: Any, make: Make) -> None:
    make().page(MORNING, "17")
    (domain, *_), *_ = [given for method, given in fake.asked if method.endswith("search_read")]
    at = stamp(2026, 3, 2, 8)
    assert domain == [
        ["id", ">", 17],
        ["OR", ["write_date", ">=", at], ["create_date", ">=", at]],
    ]


def test_steps_are_dated_by_trytons_log(fake: Any, make: Make) -> None:
    for number in (1, 2):
        fake.put(number, state="converted")
    fake.put(3, state="opportunity")
    fake.log = [
        logged(1, "button", "opportunity", 2026, 3, 2, 9),
        logged(1, "transition", "state:opportunity", 2026, 3, 2, 9),
        logged(1, "transition", "state:lead", 2026, 3, 3, 9),
        logged(1, "transition", "state:opportunity", 2026, 3, 4, 9),
        logged(1, "transition", "state:converted", 2026, 3, 5, 9),
        logged(2, "transition", "state:converted", 2026, 3, 6, 9),
    ]
    crm = make(columns={**COLUMNS, "seen": "@converted"})
    one, two, three = (lead.columns for lead in crm.page(None, None).leads)
    assert one["handed"] == datetime(2026, 3, 2, 9, tzinfo=UTC)  # the first time
    assert one["seen"] == datetime(2026, 3, 5, 9, tzinfo=UTC)
    assert two["handed"] == two["seen"] == datetime(2026, 3, 6, 9, tzinfo=UTC)
    assert three["handed"] == datetime(2026, 3, 1, 8, tzinfo=UTC)  # made in that state
    assert three["seen"] is None


def test_a_closing_is_dated_by_the_log_the_day_or_the_last_step(fake: Any, make: Make) -> None:
    day = {"__class__": "date", "year": 2026, "month": 3, "day": 7}
    for number, state in enumerate(("lost", "won", "won", "cancelled", "won", "opportunity"), 1):
        fake.put(number, state=state, end_date=None if number == 5 else day)
    fake.log = [
        logged(1, "button", "lost", 2026, 3, 7, 14),
        logged(2, "transition", "state:converted", 2026, 3, 7, 15),  # won by its sale: not logged
        logged(3, "transition", "state:converted", 2026, 3, 2, 15),
        logged(4, "button", "cancel", 2026, 3, 7, 16),
        logged(6, "button", "lost", 2026, 3, 3, 9),
        logged(6, "transition", "state:lead", 2026, 3, 4, 9),
        logged(6, "transition", "state:opportunity", 2026, 3, 5, 9),
    ]
    closed = [lead.columns["closed"] for lead in make().page(None, None).leads]
    assert closed == [
        datetime(2026, 3, 7, 14, tzinfo=UTC),
        datetime(2026, 3, 7, 15, tzinfo=UTC),  # not before its quotation of the same day
        datetime(2026, 3, 6, 23, tzinfo=UTC),  # midnight in Berlin
        datetime(2026, 3, 7, 16, tzinfo=UTC),
        None,
        None,  # open again, whatever day stands there
    ]


def test_the_log_is_asked_only_where_a_column_needs_it(fake: Any, make: Make) -> None:
    fake.put(1)
    make(columns={"id": "number", "stage": "state"}).page(None, None)
    assert [method for method, _ in fake.asked] == [
        "model.sale.opportunity.fields_get",
        "model.sale.opportunity.search_read",
    ]


def test_closed_leads_want_no_score(fake: Any, make: Make) -> None:
    states = ("lead", "opportunity", "converted", "won", "lost", "cancelled")
    for number, state in enumerate(states, 1):
        fake.put(number, state=state)
    wants = [lead.wants_score for lead in make().page(None, None).leads]
    assert wants == [True, True, False, False, False, False]
    assert [lead.wants_score for lead in make(states=("won",)).page(None, None).leads][3] is True


def test_a_score_is_written_into_the_fields_it_is_mapped_to(fake: Any, make: Make) -> None:
    fake.put(4, comment="Call on Monday.", rank=5)
    crm = make(
        write={
            "reasons": "comment",
            "probability": "conversion_probability",
            "band": "band",
            "hand_off": "ready",
            "expected_margin": "worth",
            "handoff_probability": "rank",
            "points": "lead_source",
        }
    )
    (lead,) = crm.page(None, None).leads
    (result,) = crm.write([score(lead, expected_margin=77.125, handoff_probability=0.126)])
    assert result.state == "written"
    row = fake.rows[4]
    assert row["conversion_probability"] == 0.4235  # Tryton takes four digits
    assert (row["band"], row["ready"], row["lead_source"]) == ("A", True, None)
    assert row["worth"] == {"__class__": "Decimal", "decimal": "77.12"}
    assert row["rank"] == 13  # a whole number can only hold percent
    assert row["comment"] == with_block("Call on Monday.", "words", MARK)


def test_several_scores_are_one_request(fake: Any, make: Make) -> None:
    for number in range(1, 6):
        fake.put(number)
    crm = make()
    leads = crm.page(None, None).leads
    assert [written.state for written in crm.write([score(lead) for lead in leads])] == [
        "written"
    ] * 5
    assert sum(method.endswith(".write") for method, _ in fake.asked) == 1


def test_what_tryton_refuses_spoils_nothing_for_the_others(fake: Any, make: Make) -> None:
    for number in range(1, 8):
        fake.put(number)
    fake.refuses[3] = "You are not allowed."
    crm = make()
    leads = crm.page(None, None).leads
    fake.rows[6]["_timestamp"] = "somebody"
    results = crm.write([score(lead) for lead in leads])
    assert [(written.state, written.problem) for written in results] == [
        ("written", ""), ("written", ""), ("refused", "You are not allowed."), ("written", ""),
        ("written", ""), ("moved", ""), ("written", ""),
    ]  # fmt: skip
    assert fake.rows[6]["comment"] is None


def test_a_score_whose_answer_was_lost_counts_as_written(fake: Any, make: Make) -> None:
    fake.put(4)
    crm = make()
    (lead,) = crm.page(None, None).leads
    crm.write([score(lead)])
    assert crm.write([score(lead)])[0].state == "written"
    other = replace(score(lead), mark="f" * 16)
    assert crm.write([other])[0].state == "moved"


def test_a_lead_deleted_meanwhile_is_left_alone(fake: Any, make: Make) -> None:
    fake.put(4)
    crm = make()
    (lead,) = crm.page(None, None).leads
    fake.refuses[4] = "The record does not exist."
    assert crm.write([score(lead)])[0].problem == "The record does not exist."


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (
            {"columns": {"id": "number", "stage": "stat"}},
            r"has no field 'stat'; did you mean state\?",
        ),
        ({"columns": {"id": "qqq.name"}}, r"no field 'qqq'; it has amount, band, .*worth"),
        (
            {"write": {"reasons": "coment"}},
            r"no field 'coment'; did you mean comment\?",
        ),
        (
            {"write": {"reasons": "band"}},
            r"reasons cannot be written to band, a field of type char; expected text",
        ),
        (
            {"write": {"reasons": "comment", "band": "party"}},
            r"band cannot be written to party, a field of type many2one; expected float or",
        ),
    ],
)
def test_fields_that_are_not_there_are_named(
    settings: dict[str, Any], words: str, make: Make
) -> None:
    with pytest.raises(ConfigError, match=words):
        make(**settings).page(None, None)


@pytest.fixture
def company(
    fake: Any, wired: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Settings, TrytonConnector]]:
    monkeypatch.setenv("LEADML_TRYTON_PASSWORD", "right")
    leads = replace(wired.definition.leads, won=("won",), lost=("lost", "cancelled"))
    settings = replace(
        wired,
        definition=replace(wired.definition, leads=leads),
        tryton=connection(fake.url, page=2),
    )
    with tryton_connector(settings, pace=Pace(1e6)) as crm:
        yield settings, crm


def test_a_sync_over_http_waits_when_it_is_told_to(
    fake: Any, company: tuple[Settings, TrytonConnector], clock: Any
) -> None:
    settings, crm = company
    clock.now = datetime(2026, 3, 9, tzinfo=UTC)
    for number in range(1, 6):
        fake.put(number, comment=f"note {number}")
    crm.page(None, None)
    fake.faults = [
        (429, {"Retry-After": "7"}, b""),
        (503, {}, b""),
    ]
    patience = Patience(sleep=clock.sleep)
    done = sync(crm, config=settings, now=clock, patience=patience)
    assert clock.slept == [7.0, 2.0]
    assert (done.read, done.written, done.failed, done.pages) == (5, 5, 0, 3)
    assert all(row["comment"].startswith("note ") for row in fake.rows.values())
    again = sync(crm, config=settings, now=clock, patience=patience)
    assert (again.unchanged, again.written) == (5, 0)  # the fake forgets when rows were written


def test_no_section_no_password_no_mapped_column_is_said(
    fake: Any, wired: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("LEADML_TRYTON_PASSWORD", raising=False)
    with pytest.raises(ConfigError, match=r"^the settings has no \[crm\.tryton\]: say where"):
        tryton_connector(wired)
    settings = replace(wired, tryton=connection(fake.url))
    with pytest.raises(ConfigError, match=r"^LEADML_TRYTON_PASSWORD is not set: .* of 'leadml'"):
        tryton_connector(settings)
    secret = tmp_path / "secret"
    secret.write_text("right\n")
    monkeypatch.setenv("LEADML_TRYTON_PASSWORD_FILE", str(secret))
    with tryton_connector(settings, pace=Pace(1e6)) as crm:
        assert crm.page(None, None).leads == []
    bare = replace(wired, tryton=connection(fake.url, columns={"id": "number"}))
    with pytest.raises(ConfigError, match=r'stage is missing, .*\.outcome .* stage = "state"$'):
        tryton_connector(bare)


@pytest.mark.parametrize(
    "odd",
    [
        {"id": "4"},
        {"id": 3},  # not above what was read before
        {"number": "\ud800"},
        {"comment": 7},
        {"state": {}},
        {"_timestamp": {"__class__": "date", "year": 2026, "month": 1, "day": 1}},
        {"party.": "text"},
        {"end_date": "x", "state": "lost"},
    ],
)
def test_leads_of_another_shape_are_said_to_be_none_of_trytons(
    odd: dict[str, Any], fake: Any, make: Make
) -> None:
    fake.put(4, **odd)
    with pytest.raises(CrmError, match=r"/crm/rpc/ does not answer as Tryton does \("):
        make().page(None, "3")


def test_fields_of_another_shape_are_said_to_be_none_of_trytons(fake: Any, make: Make) -> None:
    login = b'{"result": [7, "token", null]}'
    fake.faults = [(200, {}, login), (200, {}, b'{"result": {}}'), (200, {}, b'{"result": []}')]
    with pytest.raises(CrmError, match=r"does not answer as Tryton does \(AttributeError\)"):
        make().page(None, None)


def test_a_log_of_another_shape_is_said_to_be_none_of_trytons(fake: Any, make: Make) -> None:
    fake.put(4)
    fake.log = [logged(4, "transition", "state:opportunity", 2026, 3, 2) | {"target": None}]
    with pytest.raises(CrmError, match=r"does not answer as Tryton does \(AttributeError\)"):
        make().page(None, None)
