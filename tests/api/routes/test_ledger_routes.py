"""Events in, histories out, over HTTP."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from leadml.api.application import create_app

WON = {"event": "won", "lead": "L1", "happened_at": "2025-03-09"}
LEAD = {"lead_id": "L1", "budget": 5000, "source": "Web"}


@pytest.fixture
def ledgered(
    tmp_path: Path, ledger_url: str, make_version: Any, make_settings: Any, serve_app: Any
) -> Iterator[Any]:
    """Return a server with a new ledger, in turn on both databases."""
    make_version(tmp_path / "models")
    with serve_app(create_app(make_settings(tmp_path, store_url=ledger_url))) as server:
        yield server


@pytest.fixture
def fresh(tmp_path: Path, make_version: Any, make_settings: Any, serve_app: Any) -> Iterator[Any]:
    """Return a server with a new ledger in ledger.db."""
    make_version(tmp_path / "models")
    with serve_app(create_app(make_settings(tmp_path))) as server:
        yield server


def post(server: Any, body: object, **options: Any) -> Any:
    return server.client.post("/v1/events", json=body, **options)


def history(server: Any, lead: str = "L1", **options: Any) -> Any:
    return server.client.get(f"/v1/leads/{quote(lead, safe='')}", **options)


class TestEvents:
    def test_a_batch_and_the_same_batch_again(self, ledgered: Any) -> None:
        bad = {"event": "won", "lead": "L2", "happened_at": "2025-03-09", "detail": {"amuont": 1}}
        body = {"events": [WON, bad, WON | {"lead": "L3"}]}
        first = post(ledgered, body)
        assert first.status_code == 200
        got = first.json()
        assert list(got) == ["results", "recorded", "duplicates", "failed"]
        assert (got["recorded"], got["duplicates"], got["failed"]) == (2, 0, 1)
        assert got["results"][1]["errors"] == [
            {
                "loc": ["body", "events", 1, "detail", "amuont"],
                "msg": "unknown name: did you mean amount?",
            }
        ]
        again = post(ledgered, body).json()
        assert (again["recorded"], again["duplicates"], again["failed"]) == (0, 2, 1)
        for one, other in zip(got["results"], again["results"], strict=True):
            assert (one["id"], one["recorded_at"]) == (other["id"], other["recorded_at"])
        assert history(ledgered).json()["counts"]["events"] == 1
        assert history(ledgered, "L1\x00").status_code == 404

    def test_a_batch_of_one_is_a_batch(self, fresh: Any) -> None:
        answer = post(fresh, {"events": [WON | {"lead": ""}]})
        assert (answer.status_code, answer.json()["failed"]) == (200, 1)

    def test_one_event_has_one_result(self, fresh: Any) -> None:
        answer = post(fresh, WON | {"idempotency_key": "crm-1"})
        assert answer.status_code == 200
        (result,) = answer.json()["results"]
        assert result.pop("recorded_at").startswith("20")
        assert result == {
            "status": "recorded", "id": 1, "idempotency_key": "crm-1", "error": None, "errors": [],
        }  # fmt: skip

    def test_one_event_that_is_refused_is_a_request_that_is_refused(self, fresh: Any) -> None:
        answer = post(fresh, WON | {"happened_at": "soon"})
        assert answer.status_code == 422
        assert answer.json() == {
            "detail": [
                {
                    "loc": ["body", "happened_at"],
                    "msg": "expected an ISO 8601 time, found 'soon'",
                }
            ]
        }
        assert post(fresh, WON | {"idempotency_key": "k"}).status_code == 200
        taken = post(fresh, WON | {"idempotency_key": "k", "lead": "L2"})
        assert taken.status_code == 422
        assert "'k' is taken since" in taken.json()["detail"][0]["msg"]

    @pytest.mark.parametrize(
        ("content", "path", "message"),
        [
            (b'{"event": "won", "event": "lost"}', ["body"], "names one member twice"),
            (b'{"events": [NaN]}', ["body"], "NaN is not JSON"),
            (b"", ["body"], "a JSON object sent as application/json"),
            (b"5", ["body"], "sent as application/json, found a number"),
            (b'{"events": []}', ["body", "events"], "expected 1 to 1,000 entries, found 0"),
        ],
    )
    def test_a_body_that_is_no_request(
        self, service: Any, content: bytes, path: list[str], message: str
    ) -> None:
        headers = {"Content-Type": "application/json"}
        answer = service.client.post("/v1/events", content=content, headers=headers)
        assert answer.status_code == 422
        (problem,) = answer.json()["detail"]
        assert problem["loc"] == path
        assert message in problem["msg"]

    def test_a_body_of_another_kind(self, service: Any) -> None:
        answer = service.client.post(
            "/v1/events", content=b'{"event": 1}', headers={"Content-Type": "text/plain"}
        )
        assert answer.status_code == 422
        assert answer.json()["detail"][0]["loc"] == ["body"]

    def test_a_thousand_events_and_no_more(self, fresh: Any) -> None:
        events = [WON | {"lead": f"L{number}"} for number in range(1001)]
        assert post(fresh, {"events": events[:1000]}).json()["recorded"] == 1000
        answer = post(fresh, {"events": events})
        assert answer.status_code == 422
        assert "1 to 1,000 entries, found 1,001" in answer.json()["detail"][0]["msg"]

    def test_what_cannot_be_written_is_not_kept_and_may_be_sent_again(
        self, fresh: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        body = {"events": [WON, WON | {"lead": "L2"}]}
        with closing(sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)) as other:
            other.execute("alter table ledger_events rename to elsewhere")
            answer = post(fresh, body)
            other.execute("alter table elsewhere rename to ledger_events")
        assert answer.status_code == 503
        assert answer.headers["Retry-After"] == "5"
        assert answer.json() == {
            "detail": "the ledger cannot be used now: nothing of this request was kept; "
            "send it again"
        }
        assert f"the ledger cannot be used: the ledger sqlite:///{tmp_path}" in caplog.text
        assert post(fresh, body).json()["recorded"] == 2

    def test_without_a_ledger_the_service_scores_and_says_so(
        self, tmp_path: Path, make_version: Any, make_settings: Any, serve_app: Any
    ) -> None:
        make_version(tmp_path / "models")
        (tmp_path / "ledger.db").write_text("this is no database: " * 50)
        with serve_app(create_app(make_settings(tmp_path))) as server:
            assert server.client.get("/readyz").status_code == 200
            answer = server.client.post("/v1/score", json={"lead": LEAD})
            assert (answer.status_code, answer.json()["recorded"]) == (200, False)
            assert post(server, WON).status_code == 503
            assert history(server).status_code == 503


class TestScores:
    def test_a_score_is_in_the_history(self, ledgered: Any) -> None:
        asked = {"lead": LEAD, "as_of": "2025-03-03"}
        given = ledgered.client.post("/v1/score", json=asked).json()
        assert given["recorded"] is True
        assert ledgered.client.post("/v1/score", json=asked).json()["recorded"] is True
        (kept,) = history(ledgered, "L1").json()["scores"]
        assert kept["happened_at"] == given["scored_at"]
        assert len(kept["agreement_hash"]) == 64
        for name in (
            "probability", "reasons", "points", "cut", "band", "sales_ready", "hand_off",
            "model_version", "expected_margin", "priority", "as_of", "grade", "explored",
            "points_bucket", "handoff_probability",
        ):  # fmt: skip
            assert kept[name] == given[name]

    def test_each_lead_of_a_batch_is(self, fresh: Any) -> None:
        leads = [{"lead": LEAD | {"lead_id": f"B{number}"}} for number in range(3)]
        leads.append({"lead": LEAD | {"lead_id": "bad", "budget": "lots"}})
        leads.append({"lead": LEAD | {"lead_id": "x" * 201}})
        answer = fresh.client.post("/v1/score/batch", json={"leads": leads}).json()
        assert [score["recorded"] for score in answer["scores"]] == [True] * 3 + [False] * 2
        assert history(fresh, "B2").json()["state"]["score"]["model_version"] == "3"
        assert history(fresh, "bad").status_code == 404

    def test_a_refused_lead_is_not(self, service: Any) -> None:
        lead = {"lead_id": "refused", "budget": "lots"}
        assert service.client.post("/v1/score", json={"lead": lead}).status_code == 422
        assert history(service, "refused").status_code == 404


class TestHistory:
    def test_a_whole_way(self, fresh: Any) -> None:
        fresh.client.post("/v1/score", json={"lead": LEAD})
        now = history(fresh, "L1").json()["scores"][0]["happened_at"]
        events = [
            {"event": "handed_off", "owner": "kim"},
            {"event": "followed_up"},
            {"event": "won", "detail": {"amount": 900.0}},
        ]
        sent = [event | {"lead": "L1", "happened_at": now} for event in events]
        assert post(fresh, {"events": sent}).json()["recorded"] == 3
        got = history(fresh).json()
        state = got["state"]
        assert (state["state"], state["owner"], state["amount"]) == ("won", "kim", 900.0)
        assert state["handed_off_at"] == state["closed_at"] == now
        assert state["score"]["model_version"] == "3"
        (hand_off,), (outcome,) = got["hand_offs"], got["outcomes"]
        assert hand_off["model_version"] == outcome["model_version"] == "3"  # its last score's
        counts = {"scores": 1, "shadow_scores": 0, "hand_offs": 1, "outcomes": 1, "events": 4}
        assert got["counts"] == counts

    def test_answers_have_the_fields_described(self, fresh: Any) -> None:
        fresh.client.post("/v1/score", json={"lead": LEAD})
        got = history(fresh, "L1").json()
        schemas = fresh.client.get("/openapi.json").json()["components"]["schemas"]
        assert list(got) == list(schemas["LeadHistory"]["properties"])
        assert list(got["counts"]) == list(schemas["Counts"]["properties"])
        assert set(got["state"]) == set(schemas["State"]["properties"])
        assert set(got["state"]["score"]) == set(schemas["StateScore"]["properties"])
        answer = post(fresh, WON).json()
        assert list(answer) == list(schemas["EventsAnswer"]["properties"])
        assert list(answer["results"][0]) == list(schemas["EventResult"]["properties"])

    @pytest.mark.parametrize(
        "lead", ["a/b", "a//b/", "jö ü/ñ", "100 %", "%2F", "a?b#c", "+", "'\"<b>"]
    )
    def test_any_id_has_a_path(self, service: Any, lead: str) -> None:
        assert post(service, WON | {"lead": lead}).status_code == 200
        answer = history(service, lead)
        assert answer.status_code == 200
        assert answer.json()["lead"] == lead

    def test_ids_are_spelt_as_scoring_spells_them(self, service: Any) -> None:
        assert post(service, WON | {"lead": 42.0}).status_code == 200
        assert history(service, "42.0").json()["lead"] == "42"

    @pytest.mark.parametrize("lead", ["nobody", "n/a", " ", "x" * 500, ""])
    def test_an_unknown_lead(self, service: Any, lead: str) -> None:
        answer = history(service, lead)
        assert answer.status_code == 404
        assert answer.json() == {"detail": "the ledger has no event of this lead"}

    def test_lists_end_at_the_limit(self, service: Any) -> None:
        events = [WON | {"lead": "busy", "happened_at": f"2025-03-{d:02}"} for d in (1, 2, 3)]
        post(service, {"events": events})
        got = history(service, "busy", params={"limit": 2}).json()
        assert [entry["happened_at"][:10] for entry in got["events"]] == [
            "2025-03-02", "2025-03-01",
        ]  # fmt: skip
        assert got["counts"]["events"] == 3
        for limit in (0, 1001, "x"):
            answer = history(service, "busy", params={"limit": limit})
            assert answer.status_code == 422
            assert answer.json()["detail"][0]["loc"] == ["query", "limit"]

    def test_the_log_does_not_name_the_lead(
        self, fresh: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level("INFO", "leadml"):
            history(fresh, "jane/doe@example.com")
            post(fresh, WON | {"lead": "jane", "happened_at": "jane"})
        own = [record.getMessage() for record in caplog.records if record.name == "leadml.api"]
        assert own[0].startswith("GET /v1/leads/{lead} 404")
        assert not [line for line in own if "jane" in line]


class TestKeys:
    def test_a_plain_key_feeds_and_only_one_with_read_sees_histories(self, guarded: Any) -> None:
        key = {"X-API-Key": "first"}
        assert post(guarded, WON).status_code == 401
        assert post(guarded, WON, headers=key).status_code == 200
        assert history(guarded).status_code == 401
        refused = history(guarded, headers=key)
        assert refused.status_code == 403
        assert "needs the scope read" in refused.json()["detail"]
        assert history(guarded, headers={"X-API-Key": "chief"}).status_code == 200
