"""What the service counts, read back with the parser of prometheus_client."""

import subprocess
import sys
from pathlib import Path

import httpx2
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families

from leadml.api.application import create_app
from leadml.api.monitoring.metrics import CONTENT_TYPE, Metrics


def values(text: str) -> dict[str, float]:
    """Return every sample by its name and its labels' values, in the order of their names."""
    return {
        ":".join([sample.name, *(sample.labels[name] for name in sorted(sample.labels))]): (
            sample.value
        )
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_requests_by_route_method_and_status() -> None:
    metrics = Metrics()
    for seconds in (0.0001, 0.0004, 0.0004, 3.0):
        metrics.observe("/v1/score", "POST", 200, seconds)
    metrics.observe("/v1/score", "POST", 422, 0.02)
    found = values(metrics.text().decode())
    assert found["leadml_request_seconds_bucket:0.0002:POST:/v1/score:200"] == 1
    assert found["leadml_request_seconds_bucket:0.0005:POST:/v1/score:200"] == 3
    assert found["leadml_request_seconds_bucket:2.5:POST:/v1/score:200"] == 3
    assert found["leadml_request_seconds_bucket:5.0:POST:/v1/score:200"] == 4
    assert found["leadml_request_seconds_count:POST:/v1/score:200"] == 4
    assert found["leadml_request_seconds_sum:POST:/v1/score:422"] == 0.02


def test_methods_that_are_none_share_one_series() -> None:
    metrics = Metrics()
    for number in range(50):
        metrics.observe("(no such path)", f"BREW{number}", 404, 0.001)
    found = values(metrics.text().decode())
    counts = {name: value for name, value in found.items() if "_seconds_count" in name}
    assert counts == {"leadml_request_seconds_count:other:(no such path):404": 50}


def test_everything_that_is_counted() -> None:
    metrics = Metrics()
    metrics.scored("A", "3")
    metrics.scored("A", "3", leads=2)
    metrics.scored("B", "4", "shadow")
    metrics.unrecorded(5)
    metrics.overloaded()
    metrics.rate_limited("crm")
    metrics.load_failed()
    metrics.lines_dropped(7)
    metrics.webhooks = lambda: {"pending": 2, "dead": 1}
    found = values(metrics.text().decode())
    assert found["leadml_scores_total:A:3:champion"] == 3
    assert found["leadml_scores_total:B:4:shadow"] == 1
    assert found["leadml_scores_unrecorded_total"] == 5
    assert found["leadml_overload_total"] == 1
    assert found["leadml_rate_limited_total:crm"] == 1
    assert found["leadml_model_load_failures_total"] == 1
    assert found["leadml_log_lines_dropped_total"] == 7
    assert found["leadml_webhooks:pending"] == 2
    assert found["leadml_webhooks:dead"] == 1


def test_two_services_in_one_process_count_apart() -> None:
    one, other = Metrics(), Metrics()
    one.overloaded()
    assert values(one.text().decode())["leadml_overload_total"] == 1
    assert values(other.text().decode())["leadml_overload_total"] == 0


WORKER = """
import sys
from leadml.api.monitoring.metrics import Metrics
from leadml.api.monitoring.shared_folder import shared_folder
metrics = Metrics(shared_folder())
for _ in range(int(sys.argv[1])):
    metrics.observe("/v1/score", "POST", 200, 0.001)
    metrics.scored("A", "3")
sys.stdout.write(metrics.text().decode())
"""


def test_whichever_worker_is_asked_answers_for_all(tmp_path: Path) -> None:
    for count, total in ((3, 3), (4, 7)):
        done = subprocess.run(
            [sys.executable, "-c", WORKER, str(count)],
            env={"PROMETHEUS_MULTIPROC_DIR": str(tmp_path), "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        )
        found = values(done.stdout)
        assert found["leadml_request_seconds_count:POST:/v1/score:200"] == total
        assert found["leadml_scores_total:A:3:champion"] == total


class TestRoute:
    def test_a_scored_lead_is_counted(self, make_settings, make_version, serve_app, tmp_path):  # type: ignore[no-untyped-def]
        make_version(tmp_path / "models")
        app: FastAPI = create_app(make_settings(tmp_path))
        with serve_app(app) as server:
            client: httpx2.Client = server.client
            band = client.post("/v1/score", json={"lead": {"lead_id": 1}}).json()["band"]
            leads = [{"lead": {"lead_id": 1}}, {"lead": {"lead_id": 2, "budget": "x"}}]
            batch = client.post("/v1/score/batch", json={"leads": leads}).json()
            assert (batch["scored"], batch["failed"]) == (1, 1)
            assert client.get("/v1/leads/somebody").status_code == 404
            answer = client.get("/metrics")
        assert answer.headers["Content-Type"] == CONTENT_TYPE
        found = values(answer.text)
        assert found[f"leadml_scores_total:{band}:3:champion"] == 2
        assert found["leadml_request_seconds_count:POST:/v1/score:200"] == 1
        assert found["leadml_request_seconds_count:POST:/v1/score/batch:200"] == 1
        assert found["leadml_request_seconds_count:GET:/v1/leads/{lead}:404"] == 1
        assert found["leadml_model_info:3"] == 1
        assert found["leadml_workers"] == 1
        assert "somebody" not in answer.text

    def test_a_key_that_may_not_read_is_refused(self, guarded):  # type: ignore[no-untyped-def]
        assert guarded.client.get("/metrics").status_code == 401
