"""Events as they are sent: read like leads, every problem with its place."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadml.api.routes.events import BodyError, EventReader, record_items
from leadml.api.routes.ledger_schemas import EventIn
from leadml.domain.event import Event
from leadml.domain.mapping import LeadMapping
from leadml.store.ledger import Ledger

BERLIN = EventReader(LeadMapping(timezone="Europe/Berlin"))
AT = "2025-03-02T09:30:00Z"
WON = {"event": "won", "lead": "L1", "happened_at": AT}
REJECTED = {"event": "rejected", "lead": "L1", "happened_at": AT}


def read(**fields: object) -> Any:
    (item,) = BERLIN.items(WON | fields)
    assert item.problems == []
    return item.event


def problems_of(body: object) -> list[tuple[list[object], str]]:
    return [
        (list(problem["loc"]), str(problem["msg"]))  # type: ignore[call-overload]
        for item in BERLIN.items(body)
        for problem in item.problems
    ]


class TestReading:
    def test_every_field(self) -> None:
        event = read(
            account="Acme", owner="kim", model_version="3", agreement_hash="ab",
            idempotency_key="crm-1", detail={"amount": 1200.5, "margin_amount": None},
        )  # fmt: skip
        assert event == Event(
            event="won", lead="L1", happened_at=datetime(2025, 3, 2, 9, 30, tzinfo=UTC),
            account="Acme", owner="kim", model_version="3", agreement_hash="ab",
            idempotency_key="crm-1", detail={"amount": 1200.5},
        )  # fmt: skip

    def test_keys_and_versions_are_kept_to_the_letter(self) -> None:
        event = read(idempotency_key="5.0", model_version="TRUE", agreement_hash="1.0")
        given = (event.idempotency_key, event.model_version, event.agreement_hash)
        assert given == ("5.0", "TRUE", "1.0")
        assert read(idempotency_key=5).idempotency_key == "5"

    def test_what_is_left_out_null_or_means_missing_is_not_told(self) -> None:
        assert read(account=None, owner=" N/A ", idempotency_key="", detail=None) == read()

    @pytest.mark.parametrize(
        ("sent", "kept"), [(7, "7"), (7.0, "7"), (" L1 ", "L1"), ("5.0", "5"), ("007", "007")]
    )
    def test_ids_are_spelt_as_scoring_spells_them(self, sent: object, kept: str) -> None:
        assert read(lead=sent).lead == kept

    @pytest.mark.parametrize(
        ("sent", "hour"),
        [
            ("2025-03-02T09:30:00", 8),  # winter in Berlin
            ("2025-07-02 09:30", 7),
            ("2025-03-02T09:30:00-05:00", 14),
            ("2025-03-02", 23),  # midnight
        ],
    )
    def test_naive_times_are_of_the_configured_zone(self, sent: str, hour: int) -> None:
        moment = read(happened_at=sent).happened_at
        assert (moment.hour, moment.tzinfo) == (hour, UTC)

    def test_times_inside_the_detail_too(self) -> None:
        event = read(
            event="handed_off",
            detail={"attributes": {"created_at": "2025-01-31T12:00", "source": "Web"}},
        )
        attributes = {"created_at": "2025-01-31T11:00:00+00:00", "source": "Web"}
        assert event.detail == {"attributes": attributes}
        mended = read(event="corrected", detail={"corrects": "k", "happened_at": "2025-01-31"})
        assert mended.detail == {"corrects": "k", "happened_at": "2025-01-30T23:00:00+00:00"}


class TestProblems:
    @pytest.mark.parametrize(
        ("fields", "path", "message"),
        [
            ({"event": "win"}, ["event"], "corrected; did you mean won?"),
            ({"event": "xyzzy"}, ["event"], "reopened, corrected"),
            ({"event": 5}, ["event"], "corrected; found a number"),
            ({"lead": ["L1"]}, ["lead"], "expected a text, found a list"),
            ({"lead": True}, ["lead"], "expected a text, found true or false"),
            ({"owner": False}, ["owner"], "expected a text, found true or false"),
            ({"lead": " "}, ["lead"], "expected a lead id, found none"),
            ({"lead": "n/a"}, ["lead"], "expected a lead id, found none"),
            ({"happened_at": "soon"}, ["happened_at"], "an ISO 8601 time, found 'soon'"),
            ({"happened_at": 1740907800}, ["happened_at"], "a text, found a number"),
            ({"leed": "L1"}, ["leed"], "unknown field: did you mean lead?"),
            ({"detail": []}, ["detail"], "an object of names and values, found a list"),
            ({"detail": {"amuont": 5}}, ["detail", "amuont"], "unknown name: did you mean amount?"),
            ({"detail": {"amount": "5"}}, ["detail", "amount"], "a finite number, found a text"),
            (
                {"event": "lost", "detail": {"reason": "no_need"}},
                ["detail", "reason"],
                "unknown name: ",
            ),
            (
                {"event": "handed_off", "detail": {"handoff_probability": 1.5}},
                ["detail", "handoff_probability"],
                "expected a number from 0 to 1, found a number",
            ),
            (
                {"event": "handed_off", "detail": {"attributes": {"sorce": "Web"}}},
                ["detail", "attributes", "sorce"],
                "unknown name: did you mean source?",
            ),
            (
                {"event": "handed_off", "detail": {"attributes": {"created_at": "May"}}},
                ["detail", "attributes", "created_at"],
                "expected an ISO 8601 time, found 'May'",
            ),
            (
                {"event": "handed_off", "detail": {"attributes": "Web"}},
                ["detail", "attributes"],
                "found a text",
            ),
        ],
    )
    def test_one_is_named_with_its_path(
        self, fields: dict[str, object], path: list[object], message: str
    ) -> None:
        ((place, why),) = problems_of(WON | fields)
        assert place == ["body", *path]
        assert message in why

    def test_all_are_told(self) -> None:
        found = problems_of(WON | {"lead": "", "happened_at": "x", "detail": {"a": 1, "b": 2}})
        assert [place[1:] for place, _ in found] == [
            ["lead"], ["happened_at"], ["detail", "a"], ["detail", "b"],
        ]  # fmt: skip

    def test_a_thousand_mistakes_are_told_twenty_times(self) -> None:
        many = {f"name {number}": number for number in range(1000)}
        assert len(problems_of(WON | {"detail": many})) == 20
        assert len(problems_of(WON | many)) == 20

    def test_what_is_required(self) -> None:
        found = problems_of({})
        assert [place for place, _ in found] == [
            ["body", "event"], ["body", "lead"], ["body", "happened_at"],
        ]  # fmt: skip
        assert {why for _, why in found} == {"this field is required, but was not sent"}

    def test_each_item_of_a_batch_has_its_own(self) -> None:
        items = BERLIN.items({"events": [WON, 5, WON | {"lead": {}}, WON]})
        assert [item.event is None for item in items] == [False, True, True, False]
        assert items[1].problems == [
            {
                "loc": ("body", "events", 1),
                "msg": "expected an object with event, lead and happened_at, found a number",
            }
        ]
        assert items[2].problems[0]["loc"] == ["body", "events", 2, "lead"]

    @pytest.mark.parametrize(
        ("body", "path", "message"),
        [
            ([WON], [], "expected a JSON object sent as application/json, found a list"),
            (b"{}", [], "found no JSON"),
            ({"events": {}}, ["events"], "expected a list, found an object"),
            ({"events": []}, ["events"], "expected 1 to 1,000 entries, found 0"),
            ({"events": [WON] * 1001}, ["events"], "expected 1 to 1,000 entries, found 1,001"),
            ({"events": [WON], "lead": "L1"}, ["lead"], "send one event, or a list of them"),
        ],
    )
    def test_what_is_refused_whole(self, body: object, path: list[object], message: str) -> None:
        with pytest.raises(BodyError, match=r"refused") as refusal:
            BERLIN.items(body)
        (problem,) = refusal.value.problems
        assert problem["loc"] == ["body", *path]
        assert message in str(problem["msg"])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(sorted(EventIn.model_fields)) | st.text(), inner, max_size=4
        )
    ),
    max_leaves=9,
)


class TestAnything:
    @given(JSON | st.dictionaries(st.just("events"), st.lists(JSON, max_size=3)))
    def test_is_read_or_refused_with_words(self, body: object) -> None:
        try:
            items = BERLIN.items(body)
        except BodyError as refusal:
            problems = list(refusal.problems)
            assert problems
        else:
            problems = [problem for item in items for problem in item.problems]
            assert all(bool(item.problems) is (item.event is None) for item in items)
        assert all(problem["loc"] and problem["msg"] for problem in problems)
        json.dumps(problems)


class TestRecording:
    @pytest.fixture
    def ledger(self, ledger_url: str) -> Any:
        with Ledger.open(ledger_url) as ledger:
            yield ledger

    def test_items_stand_in_order_and_the_refused_cost_the_others_nothing(
        self, ledger: Ledger
    ) -> None:
        body = {"events": [WON | {"lead": "A"}, {}, REJECTED, WON | {"lead": "B"}]}
        first = record_items(ledger, BERLIN.items(body))
        assert [result["status"] for result in first] == [
            "recorded", "refused", "refused", "recorded",
        ]  # fmt: skip
        assert [result["id"] for result in first] == [1, None, None, 2]
        assert first[1]["error"].startswith("this field is required, but was not sent; this")
        assert (first[1]["idempotency_key"], len(first[1]["errors"])) == (None, 3)
        assert first[2]["errors"][0]["loc"] == ["body", "events", 2]  # a reason is missing
        assert first[2]["error"].startswith("a rejection needs detail.reason, one of wrong_person")
        assert ledger.counts()["events"] == 2

    def test_the_same_again_is_the_same(self, ledger: Ledger) -> None:
        items = BERLIN.items({"events": [WON, WON | {"idempotency_key": "mine"}]})
        first, again = record_items(ledger, items), record_items(ledger, items)
        assert [result["status"] for result in again] == ["duplicate", "duplicate"]
        for name in ("id", "recorded_at", "idempotency_key"):
            assert [result[name] for result in again] == [result[name] for result in first]
        assert len(first[0]["idempotency_key"]) == 32
        assert first[1]["idempotency_key"] == "mine"

    @pytest.mark.parametrize(
        ("fields", "path"),
        [
            ({"lead": "x" * 201}, ["lead"]),
            ({"happened_at": "2999-01-01"}, ["happened_at"]),
            ({"event": "rejected", "detail": {"reason": "bored"}}, ["detail", "reason"]),
            ({"event": "corrected", "detail": {"void": True}}, []),
        ],
    )
    def test_what_the_ledger_refuses_has_a_path_too(
        self, ledger: Ledger, fields: dict[str, object], path: list[str]
    ) -> None:
        (result,) = record_items(ledger, BERLIN.items(WON | fields))
        assert (result["status"], result["recorded_at"]) == ("refused", None)
        assert result["errors"] == [{"loc": ["body", *path], "msg": result["error"]}]
