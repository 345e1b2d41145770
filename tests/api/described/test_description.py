"""What the description tells of leads and keys, and to whom."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from leadml.api.described.description import described, example_of, lead_schema
from leadml.domain.mapping import ActivityMapping
from leadml.snapshot.feature import Feature
from leadml.workflows.score import Scorer


@dataclass
class Like:
    """A scorer under another definition, or of other features."""

    definition: Any
    bundle: Any


@pytest.fixture
def scorer(service: Any) -> Scorer:
    serving: Scorer = service.app.state.champion.scorer
    return serving


def under(scorer: Scorer, features: tuple[Feature, ...] = (), **mapping: Any) -> Any:
    """Return the version as if it had been trained under another mapping, on other features."""
    leads = replace(scorer.definition.leads, **mapping)
    own = replace(scorer.bundle.features, features=features or scorer.bundle.features.features)
    definition = replace(scorer.definition, leads=leads)
    return Like(definition, replace(scorer.bundle, features=own))


class TestFields:
    def test_the_columns_a_score_looks_at_by_name(self, scorer: Scorer) -> None:
        told = lead_schema(scorer)
        assert list(told["properties"]) == [
            "lead_id", "created_at", "handed_off_at", "budget", "source",
        ]  # fmt: skip
        assert told["required"] == ["lead_id"]
        kinds = {
            name: [one["type"] for one in field["anyOf"]]
            for name, field in told["properties"].items()
        }
        assert kinds["lead_id"] == ["string", "number"]
        assert kinds["budget"] == ["number", "string", "null"]
        assert kinds["source"] == ["string", "number", "boolean", "null"]
        assert kinds["created_at"] == ["string", "string", "string", "null"]

    def test_levels_and_time_zone_are_told(self, scorer: Scorer) -> None:
        fields = lead_schema(scorer)["properties"]
        assert fields["source"]["description"] == "Known: Ads, Web."
        assert fields["created_at"]["description"].endswith("without an offset in Europe/Berlin.")

    def test_many_levels_are_cut_short(self, scorer: Scorer) -> None:
        levels = tuple(f"L{number}" for number in range(21))
        many = under(scorer, (Feature(name="s", kind="text", column="s", levels=levels),))
        told = lead_schema(many)["properties"]["s"]["description"]
        assert told.startswith("Known: L0, L1, ")
        assert told.endswith(", L19, ….")

    def test_times_in_the_format_of_the_export(self, scorer: Scorer) -> None:
        since = Feature(name="since", kind="time", column="since")
        written = under(scorer, (since,), date_format="%d.%m.%Y %H:%M")
        told = "A time written as %d.%m.%Y %H:%M, in Europe/Berlin."
        assert lead_schema(written)["properties"]["since"]["description"] == told
        assert lead_schema(written)["properties"]["handed_off_at"]["description"] == told

    def test_the_columns_the_ledger_keeps_and_those_of_points_rules(self, scorer: Scorer) -> None:
        kept = under(scorer, owner="rep", account="company", source="origin")
        told = list(lead_schema(kept)["properties"])
        assert told[3:6] == ["company", "rep", "origin"]
        assert "stage" not in told

    def test_without_an_id_none_is_wanted(self, scorer: Scorer) -> None:
        told = lead_schema(under(scorer, id=None))
        assert told["required"] == []
        assert "lead_id" not in told["properties"]
        assert "lead_id" not in example_of(under(scorer, id=None))["lead"]


class TestExample:
    def test_it_is_scored(self, scorer: Scorer, service: Any) -> None:
        example = example_of(scorer)
        assert example["activities"] == [
            {"timestamp": "2026-03-02T09:15:00+00:00", "event": "page_view"}
        ]
        answer = service.client.post("/v1/score", json=example)
        assert answer.status_code == 200
        assert answer.json()["warnings"] == []

    def test_times_in_it_are_written_as_the_export_writes_them(self, scorer: Scorer) -> None:
        (touch,) = example_of(under(scorer, date_format="%d.%m.%Y %H:%M"))["activities"]
        assert touch["timestamp"] == "02.03.2026 09:15"

    def test_activities_have_the_names_of_their_columns(self, service: Any) -> None:
        names = ActivityMapping(lead="who", at="when", kind="what", detail="where")
        scorer = service.app.state.champion.scorer
        renamed = Like(replace(scorer.definition, activities=names), scorer.bundle)
        usual = {
            "paths": {},
            "components": {
                "schemas": {
                    "ScoreRequest": {
                        "properties": {
                            "lead": {},
                            "activities": {"anyOf": [{"type": "array"}, {"type": "null"}]},
                            "account_activities": {"anyOf": [{"type": "array"}, {"type": "null"}]},
                            "as_of": {},
                        }
                    },
                    "BatchRequest": {"properties": {"leads": {"items": {}}}},
                }
            },
        }
        told = described(usual, renamed, secured=True)["components"]["schemas"]["ScoreRequest"]
        own, others = (
            told["properties"][name]["anyOf"][0]["items"]
            for name in ("activities", "account_activities")
        )
        assert (list(own["properties"]), own["required"]) == (["when", "what", "where"], ["when"])
        assert list(others["properties"]) == ["who", "when", "what", "where"]
        assert others["required"] == ["who", "when"]
        assert list(told["examples"][0]["activities"][0]) == ["when", "what"]
        assert (
            "items"
            not in usual["components"]["schemas"]["ScoreRequest"]["properties"]["activities"][
                "anyOf"
            ][0]
        )


class TestWho:
    @pytest.mark.parametrize("path", ["/openapi.json", "/openapi-3.0.json", "/docs"])
    def test_fields_are_told_to_those_with_a_key(self, guarded: Any, path: str) -> None:
        level = "Ads"  # of the training data
        assert level not in guarded.client.get(path).text
        assert level in guarded.client.get(path, headers={"X-API-Key": "first"}).text

    def test_without_keys_none_are_described(self, service: Any) -> None:
        told = service.client.get("/openapi.json").json()
        assert not [one for verbs in told["paths"].values() for one in verbs.values()
                    if "security" in one]  # fmt: skip
        assert "securitySchemes" not in told["components"]
        assert (
            "budget"
            in told["components"]["schemas"]["ScoreRequest"]["properties"]["lead"]["properties"]
        )

    def test_another_champion_has_other_fields(
        self, tmp_path: Any, make_site: Callable[..., Any]
    ) -> None:
        with make_site(tmp_path) as site:
            site.app.state.champion.scorer = None
            assert "properties" not in lead_of(site)
            site.app.state.champion.load()
            assert "budget" in lead_of(site)["properties"]


def lead_of(site: Any) -> dict[str, Any]:
    schemas = site.client.get("/openapi.json").json()["components"]["schemas"]
    lead: dict[str, Any] = schemas["ScoreRequest"]["properties"]["lead"]
    return lead
