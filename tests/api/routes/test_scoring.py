"""Scores over HTTP, against numbers worked by hand."""

import math
from typing import Any

import pytest

from leadml.model.reasons import EXACT

LEAD = {"lead_id": "L1", "budget": "5,000", "source": "Web", "created_at": "2026-02-01"}
VIEWS = [
    {"timestamp": "2026-03-01T10:00:00Z", "event": "page_view", "url": "/pricing"},
    {"timestamp": "2026-03-02T10:00:00", "event": "page_view"},
    {"timestamp": "2026-03-09", "event": "page_view"},
]
AS_OF = "2026-03-03"
FIELDS = [
    "lead_id",
    "probability",
    "sales_ready",
    "basis",
    "cut",
    "band",
    "probability_eventually",
    "stage",
    "expected_margin",
    "expected_margin_low",
    "expected_margin_high",
    "priority",
    "hand_off",
    "explored",
    "handoff_probability",
    "must_follow_up",
    "points",
    "points_ready",
    "reasons",
    "reasons_sum",
    "model_version",
    "scored_at",
    "as_of",
    "points_bucket",
    "grade",
    "points_rules",
    "warnings",
    "recorded",
]


def post(service: Any, path: str = "/v1/score", **body: object) -> Any:
    return service.client.post(path, json=body)


def reason(feature: str, value: object, effect: float, text: str) -> dict[str, object]:
    """Return a reason of a version without peers."""
    way = "up" if effect > 0 else "down"
    own = {"feature": feature, "value": value, "effect": effect, "direction": way}
    return own | {"text": text, "peers": None}


def logistic(log_odds: float) -> float:
    return 1 / (1 + math.exp(-log_odds))


def test_a_lead_with_everything(service: Any) -> None:
    # -1 + 1 (budget over 1000) - 0.5 (Web) + 1 (2 of the 3 views lie before) = 0.5
    answer = post(service, lead=LEAD, activities=VIEWS, as_of=AS_OF)
    assert answer.status_code == 200
    got = answer.json()
    assert list(got) == FIELDS
    assert got.pop("probability") == pytest.approx(logistic(0.5), abs=1e-12)
    assert got.pop("scored_at").startswith("20")
    assert got == {
        "lead_id": "L1",
        "sales_ready": True,
        "basis": "guaranteed",
        "cut": 0.5,
        "band": "A",
        "probability_eventually": None,  # this version does not tell
        "stage": "sales_ready_now",
        # 1000 money a win, half of it less and more; ranks from 20 % at 0 to 80 % at 1000
        "expected_margin": pytest.approx(1000 * logistic(0.5)),
        "expected_margin_low": pytest.approx(500 * logistic(0.5)),
        "expected_margin_high": pytest.approx(1500 * logistic(0.5)),
        "priority": pytest.approx(20 + 60 * logistic(0.5)),
        "hand_off": True,
        "explored": False,
        "handoff_probability": 1.0,
        "must_follow_up": False,
        "points": 40.0,
        "points_ready": True,
        "reasons": [
            reason("budget", 5000.0, 1.0, "budget = 5000"),
            reason("page_view, 7 days", 2.0, 1.0, "page_view, 7 days = 2"),
            reason("source", "Web", -0.5, "source is Web"),
        ],
        "reasons_sum": {
            "kind": "exact",
            "base": -1.0,
            "shown": 1.5,
            "rest": 0.0,
            "total": 0.5,
            "note": EXACT,
        },
        "model_version": "3",
        "as_of": "2026-03-02T23:00:00.000000Z",  # midnight in Berlin
        "points_bucket": "A",
        "grade": "A1",
        "points_rules": [
            {"rule": "budget", "group": "fit", "points": 30.0},
            {"rule": "views", "group": "page", "points": 10.0},
        ],
        "warnings": [],
        "recorded": True,
    }


def test_missing_and_null_fields_are_missing_values(service: Any) -> None:
    # -1 - 0.5 (no budget) + 0 (no source) + 0.25 (activities unknown) = -1.25
    for lead in ({"lead_id": 7}, {"lead_id": "7", "budget": None, "source": " N/A "}):
        got = post(service, lead=lead).json()
        assert got["probability"] == pytest.approx(logistic(-1.25), abs=1e-12)
        assert (got["lead_id"], got["band"], got["points"]) == ("7", "C", 0.0)
        assert got["warnings"] == []


def test_no_activities_are_not_unknown_activities(service: Any) -> None:
    # -1 - 0.5 + 0 + 0 = -1.5
    got = post(service, lead={"lead_id": 7}, activities=[]).json()
    assert got["probability"] == pytest.approx(logistic(-1.5), abs=1e-12)


def test_unknown_fields_are_named(service: Any) -> None:
    got = post(service, lead=LEAD | {"bugdet": [1], "note": "x"}).json()
    assert got["warnings"] == ["unknown field 'bugdet' was not used"]


def test_the_moment_is_the_hand_off_where_none_is_asked_for(service: Any) -> None:
    lead = LEAD | {"handed_off_at": "2026-02-10T08:00:00+01:00"}
    assert post(service, lead=lead).json()["as_of"] == "2026-02-10T07:00:00.000000Z"


@pytest.mark.parametrize(
    ("body", "path", "message"),
    [
        ({"lead": {"lead_id": 1, "budget": "lots"}}, ["lead", "budget"], "expected a number"),
        ({"lead": {"lead_id": 1, "budget": [5]}}, ["lead", "budget"], "null, found a list"),
        ({"lead": {"lead_id": 1, "source": {"a": 1}}}, ["lead", "source"], "found an object"),
        ({"lead": {"lead_id": 1, "stage": ["Won"]}}, ["lead", "stage"], "found a list"),
        ({"lead": {"budget": 5}}, ["lead", "lead_id"], "expected a lead id, found none"),
        ({"lead": {"lead_id": True}}, ["lead", "lead_id"], "expected a lead id, found true"),
        ({"lead": {"lead_id": 1, "created_at": "5/6"}}, ["lead", "created_at"], "ISO 8601"),
        (
            {"lead": {"lead_id": 1}, "activities": [{"timestamp": AS_OF}, {"event": "x"}]},
            ["activities", 1],
            "ISO 8601 time, found None",
        ),
        (
            {"lead": {"lead_id": 1}, "account_activities": [{"timestamp": AS_OF, "event": "x"}]},
            ["account_activities", 0],
            "expected whose activity it is, found none (in lead_id)",
        ),
        (
            {
                "lead": {"lead_id": 1},
                "account_activities": [{"lead_id": False, "timestamp": AS_OF, "event": "x"}],
            },
            ["account_activities", 0],
            "expected a lead id, found false (in lead_id)",
        ),
        (
            {"lead": {}, "account_activities": [{}] * 10_001},
            ["account_activities"],
            "at most 10,000 entries, found 10,001",
        ),
        ({"lead": {"lead_id": 1}, "as_of": "soon"}, ["as_of"], "ISO 8601 time, found 'soon'"),
        ({"lead": {"lead_id": 1}, "as_of": 5}, ["as_of"], "expected a text, found a number"),
        ({"lead": {"lead_id": 1}, "asof": AS_OF}, ["asof"], "unknown field: did you mean as_of?"),
        (
            {"lead": {"lead_id": 1}, "xyz": 1},
            ["xyz"],
            "unknown field: the known ones are lead, activities, account_activities, as_of",
        ),
        ({"lead": [1]}, ["lead"], "expected an object of names and values, found a list"),
        ({"lead": None}, ["lead"], "expected an object of names and values, found null"),
        ({"lead": {}, "activities": "x"}, ["activities"], "expected a list, found a text"),
        ({"lead": {}, "as_of": True}, ["as_of"], "expected a text, found true or false"),
        ({"lead": {}, "as_of": {}}, ["as_of"], "expected a text, found an object"),
        ({"activities": []}, ["lead"], "required"),
        ({"lead": {}, "activities": [5]}, ["activities", 0], "names and values, found a number"),
        (
            {"lead": {}, "activities": [{}] * 10_001},
            ["activities"],
            "at most 10,000 entries, found 10,001",
        ),
    ],
)
def test_what_cannot_be_read_is_named_with_its_path(
    service: Any, body: dict[str, object], path: list[object], message: str
) -> None:
    answer = post(service, **body)
    assert answer.status_code == 422
    (problem,) = answer.json()["detail"]
    assert set(problem) == {"loc", "msg"}
    assert problem["loc"] == ["body", *path]
    assert message in problem["msg"]


def test_every_problem_of_a_lead_is_told(service: Any) -> None:
    lead = {"lead_id": 1, "budget": "lots", "source": []}
    answer = post(service, lead=lead, as_of="soon").json()
    places = sorted(problem["loc"][-1] for problem in answer["detail"])
    assert places == ["as_of", "budget", "source"]


@pytest.mark.parametrize(
    ("content", "kind", "message"),
    [
        (b'{"lead": {"budget": NaN}}', "application/json", "NaN is not JSON"),
        (b"{", "application/json", "not valid JSON"),
        (b'{"lead": {"lead_id": 1}}', "text/plain", "a JSON object sent as application/json"),
        (b"[]", "application/json", "a JSON object sent as application/json"),
        (b"", "application/json", "a JSON object sent as application/json"),
    ],
)
def test_a_body_that_is_no_request(service: Any, content: bytes, kind: str, message: str) -> None:
    answer = service.client.post("/v1/score", content=content, headers={"Content-Type": kind})
    assert answer.status_code == 422
    (problem,) = answer.json()["detail"]
    assert problem["loc"] == ["body"]
    assert message in problem["msg"]


class TestBatch:
    def test_scores_come_in_order_and_as_alone(self, service: Any) -> None:
        items = [
            {"lead": LEAD, "activities": VIEWS, "as_of": AS_OF},
            {"lead": {"lead_id": "L2", "source": "Ads"}, "as_of": AS_OF},
            {"lead": {"lead_id": "L3", "budget": 7}, "activities": VIEWS[:1], "as_of": AS_OF},
        ]
        got = post(service, "/v1/score/batch", leads=items).json()
        assert (got["scored"], got["failed"]) == (3, 0)
        for item, score in zip(items, got["scores"], strict=True):
            alone = post(service, **item).json()
            assert (score.pop("error"), score.pop("errors")) == (None, [])
            del alone["scored_at"], score["scored_at"]
            assert score == alone

    def test_a_bad_lead_does_not_cost_the_others_their_score(self, service: Any) -> None:
        items = [
            {"lead": {"lead_id": "bad", "budget": "lots"}},
            {"lead": {"lead_id": "good"}},
            {"lead": LEAD, "as_of": "soon"},
        ]
        got = post(service, "/v1/score/batch", leads=items).json()
        assert (got["scored"], got["failed"]) == (1, 2)
        bad, good, late = got["scores"]
        assert good["probability"] == pytest.approx(logistic(-1.25), abs=1e-12)
        assert bad["errors"][0]["loc"] == ["body", "leads", 0, "lead", "budget"]
        assert bad["error"] == "expected a number, found 'lots'"
        assert late["errors"][0]["loc"] == ["body", "leads", 2, "as_of"]
        for score in (bad, late):
            for name in ("probability", "sales_ready", "band", "points", "points_ready", "grade"):
                assert score[name] is None
            assert score["reasons"] == score["points_rules"] == []
            assert score["reasons_sum"] is None
        assert (bad["lead_id"], late["lead_id"]) == ("bad", "L1")

    def test_a_request_built_otherwise_is_refused_whole(self, service: Any) -> None:
        items = [{"lead": {"lead_id": "good"}}, {"leed": {}}]
        answer = post(service, "/v1/score/batch", leads=items)
        assert answer.status_code == 422
        assert [problem["loc"] for problem in answer.json()["detail"]] == [
            ["body", "leads", 1, "lead"],
            ["body", "leads", 1, "leed"],
        ]

    @pytest.mark.parametrize(
        ("body", "path", "message"),
        [
            ({"leads": [5]}, ["leads", 0], "an object with the field lead, found a number"),
            ({"leads": {}}, ["leads"], "expected a list, found an object"),
            ({"leads": [], "Leeds": []}, ["Leeds"], "unknown field: did you mean leads?"),
            ({"leads": [], "as_of": "x"}, ["as_of"], "unknown field: the known ones are leads"),
            (
                {"leads": [{"lead": {}, "activity": []}]},
                ["leads", 0, "activity"],
                "unknown field: did you mean activities?",
            ),
        ],
    )
    def test_a_wrong_build_is_told_in_plain_words(
        self, service: Any, body: dict[str, object], path: list[object], message: str
    ) -> None:
        (problem,) = post(service, "/v1/score/batch", **body).json()["detail"]
        assert problem["loc"] == ["body", *path]
        assert problem["msg"].endswith(message)

    def test_a_thousand_leads_and_no_more(self, service: Any) -> None:
        leads = [{"lead": {"lead_id": number}} for number in range(1001)]
        got = post(service, "/v1/score/batch", leads=leads[:1000]).json()
        assert [score["lead_id"] for score in got["scores"]] == [str(n) for n in range(1000)]
        answer = post(service, "/v1/score/batch", leads=leads)
        assert answer.status_code == 422
        assert "at most 1,000 entries, found 1,001" in answer.json()["detail"][0]["msg"]

    def test_no_leads_are_a_batch_too(self, service: Any) -> None:
        assert post(service, "/v1/score/batch", leads=[]).json() == {
            "scores": [],
            "scored": 0,
            "failed": 0,
        }

    def test_a_mistake_made_in_every_lead_is_told_a_hundred_times_at_most(
        self, service: Any
    ) -> None:
        answer = post(service, "/v1/score/batch", leads=[{}] * 900)
        assert len(answer.json()["detail"]) == 100
