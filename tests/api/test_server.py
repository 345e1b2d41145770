"""The service as a process: what stops it before it listens, what it loads, what it says."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI, Request

from leadml.api.server import serve
from leadml.errors import ConfigError
from leadml.store.ledger import Ledger
from leadml.workflows.keys import revoke_key


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "leads.example.com"])
def test_other_machines_are_not_served_without_a_key(
    tmp_path: Any, make_settings: Any, host: str
) -> None:
    with pytest.raises(
        ConfigError, match=r"answer other machines without a key: set LEADML_API_KEYS"
    ):
        serve(make_settings(tmp_path), host=host, port=0, say=print)


def test_nor_with_a_keys_file_whose_last_key_was_revoked(
    tmp_path: Any, make_settings: Any, make_key: Any
) -> None:
    settings = make_settings(tmp_path)
    make_key(tmp_path, "crm", "score")
    revoke_key(settings, "crm")
    with pytest.raises(ConfigError, match="would answer other machines without a key"):
        serve(settings, host="0.0.0.0", port=0, say=print)


def test_a_port_in_use_is_one_line(tmp_path: Any, make_settings: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        expected = f"cannot listen on 127.0.0.1 port {port}: Address already in use; free it"
        with pytest.raises(ConfigError, match=expected):
            serve(make_settings(tmp_path), host="127.0.0.1", port=port, say=print)


def test_an_address_that_is_not_ours_is_one_line(tmp_path: Any, make_settings: Any) -> None:
    settings = make_settings(tmp_path, keys=("k",))
    with pytest.raises(ConfigError, match=r"cannot listen on 192\.0\.2\.1 port 0"):
        serve(settings, host="192.0.2.1", port=0, say=print)


@pytest.mark.parametrize("proxy", ["*", "proxy.example.com", "10.0.0.1/24"])
def test_a_trusted_proxy_has_an_address(tmp_path: Any, make_settings: Any, proxy: str) -> None:
    settings = replace(make_settings(tmp_path), trusted_proxies=("127.0.0.1", proxy))
    expected = re.escape(f"LEADML_TRUSTED_PROXIES holds '{proxy}': expected addresses or networks")
    with pytest.raises(ConfigError, match=expected):
        serve(settings, host="127.0.0.1", port=0, say=print)


@pytest.mark.parametrize(
    ("proxies", "said", "peer"),
    [
        ((), "192.0.2.7", "http 127.0.0.1"),
        (("10.0.0.0/8",), "192.0.2.7", "http 127.0.0.1"),
        (("127.0.0.1",), "192.0.2.7", "https 192.0.2.7"),
        (("127.0.0.0/8", "10.0.0.0/8"), "192.0.2.9, 192.0.2.7, 10.1.1.1", "https 192.0.2.7"),
    ],
)
def test_only_proxies_that_are_named_are_believed(
    serve_app: Any,
    monkeypatch: pytest.MonkeyPatch,
    proxies: tuple[str, ...],
    said: str,
    peer: str,
) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")  # uvicorn's own
    app = FastAPI()

    @app.get("/")
    async def caller(request: Request) -> str:
        assert request.client is not None
        return f"{request.url.scheme} {request.client.host}"

    headers = {"X-Forwarded-For": said, "X-Forwarded-Proto": "https"}
    with serve_app(app, proxies) as server:
        assert server.client.get("/", headers=headers).json() == peer


PROCESS = """
import sys
from leadml.cli.main import main
try:
    main(["serve", "--port", "0", "--config", "leadml.toml"])
finally:
    print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""
NOT_FOR_SERVING = {
    "pandas",
    "sklearn",
    "mlflow",
    "scipy",
    "matplotlib",
    "joblib",
    "pyarrow",
    "duckdb",
    "alembic",
}


@contextmanager
def serving(folder: Path, **environment: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Run the command in a process of its own; give the address it says it listens on."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROCESS],
        cwd=folder,
        env=os.environ | {"PYTHONWARNINGS": "error"} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    try:
        said = process.stderr.readline()
        address = re.search(r"http://[^ ]+", said)
        assert address, said
        yield address[0], process
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(20)
        for stream in (process.stdout, process.stderr):
            assert stream is not None
            stream.close()


def stopped(process: "subprocess.Popen[str]") -> tuple[str, str]:
    """Stop the process and return what it wrote, from where it was read up to."""
    assert process.stdout is not None
    assert process.stderr is not None
    process.send_signal(signal.SIGINT)
    process.wait(20)  # it writes a few lines: no pipe fills up
    return process.stdout.read(), process.stderr.read()


def test_the_process_loads_nothing_that_serving_does_not_need(
    tmp_path: Path, make_version: Any
) -> None:
    make_version(tmp_path / "models")
    (tmp_path / "leadml.toml").write_text("")
    lead = {"lead_id": "L1", "budget": 5000}
    touch = {"timestamp": "2026-03-01", "event": "page_view"}
    with serving(tmp_path) as (address, process):
        answer = httpx2.post(
            f"{address}/v1/score?name=jane", json={"lead": lead, "activities": [touch]}, timeout=30
        )
        assert answer.json()["model_version"] == "3"
        batch = {"leads": [{"lead": lead}] * 3}
        assert httpx2.post(f"{address}/v1/score/batch", json=batch).json()["scored"] == 3
        for path in ("", "leads", "leads/L1", "comparison", "models", "agreement"):
            assert httpx2.get(f"{address}/{path}", timeout=30).status_code == 200
        event = {"event": "handed_off", "lead": "L1", "happened_at": "2026-03-02"}
        assert httpx2.post(f"{address}/v1/events", json=event).json()["recorded"] == 1
        counts = httpx2.get(f"{address}/v1/leads/L1").json()["counts"]
        assert (counts["scores"], counts["hand_offs"], counts["events"]) == (2, 1, 3)
        loaded, said = stopped(process)
    assert process.returncode == 0
    assert "numpy" in loaded
    assert "sqlalchemy" in loaded
    assert not NOT_FOR_SERVING & set(loaded.split())
    assert "no key is made (`leadml keys add`) or set (LEADML_API_KEYS): only this machine" in said
    assert "POST /v1/score 200" in said
    assert "GET /v1/leads/{lead} 200" in said
    assert f'scores and events are recorded in sqlite:///{tmp_path / "leadml.db"}"' in said
    assert not {"Traceback", "jane", "L1"} & set(re.findall(r"\w+", said))


def test_with_a_key_any_address_may_be_served(tmp_path: Path, make_version: Any) -> None:
    make_version(tmp_path / "models")
    (tmp_path / "leadml.toml").write_text("")
    with serving(tmp_path, LEADML_API_KEYS="a, b") as (address, process):
        assert httpx2.get(f"{address}/v1/model").status_code == 401
        headers = {"X-API-Key": "b"}
        assert httpx2.get(f"{address}/v1/model", headers=headers).status_code == 200
        _, said = stopped(process)
    assert "LEADML_API_KEYS" not in said


def test_an_admin_key_alone_opens_other_addresses_to_those_who_have_it(
    tmp_path: Path, make_version: Any
) -> None:
    make_version(tmp_path / "models")
    (tmp_path / "leadml.toml").write_text('[store]\nurl = "sqlite:///models/aliases.json"\n')
    with serving(tmp_path, LEADML_ADMIN_KEYS="chief") as (address, process):
        lead = {"lead": {"lead_id": "L1"}}
        assert httpx2.post(f"{address}/v1/score", json=lead).status_code == 401
        headers = {"Authorization": "Bearer chief"}
        answer = httpx2.post(f"{address}/v1/score", json=lead, headers=headers)
        assert (answer.status_code, answer.json()["recorded"]) == (200, False)
        _, said = stopped(process)
    assert "only this machine" not in said
    assert "scores are not recorded, and events are not taken: the ledger sqlite:///" in said
    assert "is not an SQLite database: check [store] url" in said
    assert "chief" not in said


def until_closed(host: str, port: int) -> None:
    """Wait until nothing listens there any more."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            socket.create_connection((host, port)).close()
        except OSError:
            return
    pytest.fail("the server still listens")


def test_a_second_interrupt_does_not_lose_scores(tmp_path: Path, make_version: Any) -> None:
    make_version(tmp_path / "models")
    (tmp_path / "leadml.toml").write_text("")
    with serving(tmp_path) as (address, process):
        host, port = address.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as hanging:
            hanging.sendall(
                b"POST /v1/score HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{"
            )
            lead = {"lead": {"lead_id": "L1"}}
            assert httpx2.post(f"{address}/v1/score", json=lead).json()["recorded"]
            process.send_signal(signal.SIGINT)  # waits for the request that hangs
            until_closed(host, int(port))
            process.send_signal(signal.SIGINT)  # does not
            process.wait(20)
    with Ledger.open(f"sqlite:///{tmp_path / 'leadml.db'}", create=False) as ledger:
        assert len(ledger.history("L1")) == 1


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGHUP])
def test_it_ends_in_good_order_at_any_moment(
    tmp_path: Path, make_version: Any, sent: signal.Signals
) -> None:
    make_version(tmp_path / "models")
    (tmp_path / "leadml.toml").write_text("")
    with serving(tmp_path) as (_, process):
        process.send_signal(sent)  # at once: it may not have begun to wait for requests
        assert process.wait(20) == 0
