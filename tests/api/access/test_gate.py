"""Who may ask, how much, and what the log keeps."""

import asyncio
import http.client
import logging
import socket
from typing import Any

import pytest
from fastapi import FastAPI

from leadml.api.access import bodies
from leadml.api.access.gate import Gate, is_loopback
from leadml.api.access.keyring import Keyring

LEAD = {"lead": {"lead_id": "L1"}}


class TestKeys:
    @pytest.mark.parametrize(
        "headers",
        [
            {"Authorization": "Bearer first"},
            {"Authorization": "bearer  first"},
            {"X-API-Key": "first"},
            {"X-API-Key": "sécond".encode()},
            {"Authorization": "Bearer first", "X-API-Key": "first"},
        ],
    )
    def test_a_key_opens(self, guarded: Any, headers: dict[str, str]) -> None:
        answer = guarded.client.post("/v1/score", json=LEAD, headers=headers)
        assert answer.status_code == 200

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"Authorization": "Bearer"},
            {"Authorization": "Bearer firs"},
            {"Authorization": "Bearer first2"},
            {"Authorization": "Basic first"},
            {"Authorization": "first"},
            {"X-API-Key": ""},
            {"X-API-Key": "First"},
            {"X-API-Key": "first,second"},
            {"Authorization": "Basic abc", "X-API-Key": "first"},
            {"Authorization": "", "X-API-Key": "first"},
            {"Authorization": "Bearer first", "X-API-Key": "other"},
        ],
    )
    @pytest.mark.parametrize("path", ["/v1/score", "/v1/score/batch", "/v1/model", "/nowhere"])
    def test_nothing_else_does(self, guarded: Any, headers: dict[str, str], path: str) -> None:
        answer = guarded.client.post(path, json=LEAD, headers=headers)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert "an API key is needed" in answer.json()["detail"]

    def test_a_wrong_key_is_refused_before_the_body_is_looked_at(self, guarded: Any) -> None:
        answer = guarded.client.post("/v1/score", content=b"x" * 6_000_000)
        assert answer.status_code == 401

    @pytest.mark.parametrize(
        "path", ["/healthz", "/readyz", "/openapi.json", "/openapi-3.0.json", "/docs"]
    )
    def test_health_and_description_are_open(self, guarded: Any, path: str) -> None:
        assert guarded.client.get(path).status_code == 200

    @pytest.mark.parametrize(
        "path", ["/healthz/", "//healthz", "/healthz/../v1/model", "/v1/model/"]
    )
    def test_open_paths_are_open_to_the_letter(self, guarded: Any, path: str) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", guarded.port)
        connection.request("GET", path)
        assert connection.getresponse().status == 401
        connection.close()

    def test_with_a_key_any_host_name_will_do(self, guarded: Any) -> None:
        headers = {"Host": "leads.example.com", "X-API-Key": "first"}
        assert guarded.client.get("/v1/model", headers=headers).status_code == 200


class TestRequestId:
    @pytest.mark.parametrize("given", ["a", "A-z_0.9", "x" * 64])
    def test_the_callers_own_comes_back(self, service: Any, given: str) -> None:
        for path in ("/healthz", "/nowhere"):
            answer = service.client.get(path, headers={"X-Request-ID": given})
            assert answer.headers["x-request-id"] == given

    @pytest.mark.parametrize("given", ["", "x" * 65, "a b", "a,b", "é".encode()])
    def test_one_that_is_none_is_replaced(self, service: Any, given: str | bytes) -> None:
        ids = {
            service.client.get("/healthz", headers={"X-Request-ID": given}).headers["x-request-id"]
            for _ in range(3)
        }
        assert len(ids) == 3
        assert all(len(each) == 16 for each in ids)

    @pytest.mark.parametrize(
        ("path", "status"), [("/v1/score", 200), ("/v1/nowhere", 404), ("/v1/model", 405)]
    )
    def test_every_answer_has_one(self, guarded: Any, path: str, status: int) -> None:
        headers = {"X-API-Key": "first"}
        answer = guarded.client.post(path, json=LEAD, headers=headers)
        assert (answer.status_code, len(answer.headers.get_list("x-request-id"))) == (status, 1)
        assert len(guarded.client.post(path, json=LEAD).headers.get_list("x-request-id")) == 1


class TestWithoutKeys:
    @pytest.mark.parametrize(
        "host", ["localhost:8000", "127.0.0.1", "127.0.0.1:8000", "[::1]", "[::1]:9", "LOCALHOST."]
    )
    def test_this_machine_is_answered(self, service: Any, host: str) -> None:
        assert service.client.get("/v1/model", headers={"Host": host}).status_code == 200

    @pytest.mark.parametrize(
        "host",
        [
            "example.com", "example.com:8000", "127.0.0.1.example.com", "[::2]", "", "0.0.0.0",
            "[::1]evil", "[::1]evil:80", "[::1]:", "[::1]:8a", "[::1", "::1", "[localhost]",
            "[127.0.0.1]", "127.0.0.1:", "127.0.0.1:8a",
            "127.0.0.1:80:80", "localhost:evil", "localhost..",
        ],
    )  # fmt: skip
    def test_a_name_that_may_be_rebound_is_not(self, service: Any, host: str) -> None:
        answer = service.client.get("/v1/model", headers={"Host": host})
        assert answer.status_code == 403
        assert "set LEADML_API_KEYS" in answer.json()["detail"]

    @pytest.mark.parametrize(
        ("peer", "status"), [(("192.0.2.7", 5), 403), (("127.0.0.1", 5), 200), (None, 200)]
    )
    def test_a_caller_elsewhere_is_not(
        self, service: Any, peer: tuple[str, int] | None, status: int
    ) -> None:
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "method": "GET",
            "path": "/healthz",
            "query_string": b"",
            "headers": [(b"host", b"localhost")],
            "client": peer,
        }
        asyncio.run(service.app(scope, receive, send))
        assert sent[0]["status"] == status

    @pytest.mark.parametrize(
        ("headers", "status"),
        [
            ({"X-Forwarded-For": "192.0.2.7"}, 403),
            ({"X-Forwarded-For": "192.0.2.7, 127.0.0.1"}, 403),
            ({"X-Forwarded-For": ""}, 403),
            ({"X-Real-IP": "192.0.2.7"}, 403),
            ({"Forwarded": "for=192.0.2.7;host=leads.example"}, 403),
            ({"X-Forwarded-Host": "leads.example"}, 403),
            ({"X-Forwarded-For": "127.0.0.1, ::1", "X-Real-IP": "127.0.0.1"}, 200),
        ],
    )
    def test_a_proxy_that_asks_for_another_machine_is_not(
        self, service: Any, headers: dict[str, str], status: int
    ) -> None:
        assert service.client.get("/v1/model", headers=headers).status_code == status

    @pytest.mark.parametrize(
        ("headers", "status"),
        [
            ({}, 200),
            ({"Sec-Fetch-Site": "same-origin"}, 200),
            ({"Sec-Fetch-Site": "none"}, 200),
            ({"Sec-Fetch-Site": "cross-site"}, 403),
            ({"Sec-Fetch-Site": "same-site"}, 403),  # another port of this machine
            ({"Origin": "http://evil.example"}, 403),
            ({"Origin": "null"}, 403),
        ],
    )
    def test_pages_of_other_sites_send_nothing_through_the_users_browser(
        self, service: Any, headers: dict[str, str], status: int
    ) -> None:
        for path in ("/v1/score", "/v1/model/reload"):
            assert service.client.post(path, json=LEAD, headers=headers).status_code == status
        own = headers | {"Origin": service.url} if "Origin" not in headers else headers
        assert service.client.post("/v1/score", json=LEAD, headers=own).status_code == status
        assert service.client.get("/healthz", headers=headers).status_code == 200

    def test_with_a_key_it_matters_not_from_where(self, guarded: Any) -> None:
        headers = {"X-API-Key": "first", "Origin": "http://elsewhere.example"}
        assert guarded.client.post("/v1/score", json=LEAD, headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("localhost.example.com", False),
        ("", False),
    ],
)
def test_loopback(host: str, here: bool) -> None:
    assert is_loopback(host) is here


class TestBodies:
    def test_five_megabytes_and_no_more(self, service: Any) -> None:
        start = b'{"lead": {"lead_id": "L1", "note": "'
        end = b'"}}'
        fitting = start + b"x" * (5_000_000 - len(start) - len(end)) + end
        headers = {"Content-Type": "application/json"}
        post = service.client.post
        assert post("/v1/score", content=fitting, headers=headers).status_code == 200
        answer = post("/v1/score", content=fitting + b" ", headers=headers)
        assert answer.status_code == 413
        assert "5 MB at most" in answer.json()["detail"]

    def test_a_body_announced_too_large_is_not_waited_for(self, service: Any) -> None:
        with socket.create_connection(("127.0.0.1", service.port)) as connection:
            connection.sendall(
                b"POST /v1/score HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000001\r\n\r\n"
            )
            assert connection.recv(12) == b"HTTP/1.1 413"

    @pytest.mark.parametrize("path", ["/healthz", "/readyz", "/docs", "/openapi.json", "/login"])
    @pytest.mark.parametrize("headers", [{}, {"X-API-Key": "wrong"}])
    def test_without_a_key_sixteen_kilobytes_and_no_more(
        self, guarded: Any, path: str, headers: dict[str, str]
    ) -> None:
        def post(size: int) -> Any:
            return guarded.client.post(path, content=b"x" * size, headers=headers)

        assert post(16_000).status_code == (403 if path == "/login" else 405)
        answer = post(16_001)
        assert answer.status_code == 413
        assert answer.json()["detail"] == "without a known API key a request may have 16 kB at most"

    def test_without_a_key_more_is_not_waited_for(self, guarded: Any) -> None:
        head = b"POST /healthz HTTP/1.1\r\nHost: localhost\r\n"
        chunked = b"Transfer-Encoding: chunked\r\n\r\n3e81\r\n" + b"x" * 16_001 + b"\r\n"
        for rest in (b"Content-Length: 16001\r\n\r\n", chunked):
            with socket.create_connection(("127.0.0.1", guarded.port)) as connection:
                connection.sendall(head + rest)
                assert connection.recv(12) == b"HTTP/1.1 413"

    def test_with_a_key_an_open_path_takes_as_much_as_any(self, guarded: Any) -> None:
        key = {"X-API-Key": "first"}
        answer = guarded.client.post("/healthz", content=b"x" * 16_001, headers=key)
        assert answer.status_code == 405

    def test_a_body_of_unknown_length_is_counted(self, service: Any) -> None:
        chunks = (b" " * 100_000 for _ in range(51))
        answer = service.client.post("/v1/score", content=chunks)
        assert answer.status_code == 413

    def test_a_body_that_does_not_arrive_is_not_waited_for(
        self, service: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(bodies, "BODY_SECONDS", 0.05)
        with socket.create_connection(("127.0.0.1", service.port)) as connection:
            connection.sendall(
                b"POST /v1/score HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{"
            )
            assert connection.recv(12) == b"HTTP/1.1 408"


class TestLog:
    def test_nothing_of_a_lead_is_logged(
        self, service: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        lead = {"lead_id": "jane@example.com", "budget": "jane's", "jane": 1}
        with caplog.at_level(logging.DEBUG):
            service.client.post("/v1/score?name=jane", json={"lead": lead})
            service.client.get("/people/jane")
            service.client.get("/healthz")  # on the same connection: the others are logged by now
        own = [record.getMessage() for record in caplog.records if record.name == "leadml.api"]
        assert [message.rsplit(" ", 2)[0] for message in own][:2] == [
            "POST /v1/score 422",
            "GET (no such path) 404",
        ]
        milliseconds = [float(message.split()[-2]) for message in own]
        assert all(0 <= each < 10_000 for each in milliseconds)
        # The client's own log is not ours; pytest listens even to uvicorn's access log, which is
        # switched off: test_server.py holds what a real process writes.
        ours = [r for r in caplog.records if not r.name.startswith(("http", "uvicorn.access"))]
        assert not [record for record in ours if "jane" in record.getMessage()]

    def test_a_route_is_named_whoever_asks_and_whatever_it_answers(
        self, guarded: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        key = {"X-API-Key": "first"}
        with caplog.at_level(logging.INFO, "leadml.api"):
            guarded.client.get("/v1/model")
            guarded.client.get("/people/jane")
            guarded.client.get("/openapi.json")
            guarded.client.get("/docs")
            guarded.client.get("/v1/score", headers=key)
            guarded.client.post("/v1/score", headers=key, content=b" " * 5_000_001)
            guarded.client.get("/v1/model/", headers=key)
            for _ in range(3):
                guarded.client.get("/healthz")  # the others are logged by now
        own = [record.getMessage() for record in caplog.records if record.name == "leadml.api"]
        told = [message.rsplit(" ", 2)[0] for message in own if "/healthz" not in message]
        assert sorted(told) == sorted(
            [
                "GET /v1/model 401",
                "GET (no such path) 401",
                "GET /openapi.json 200",
                "GET /docs 200",
                "GET /v1/score 405",
                "POST /v1/score 413",
                "GET (no such path) 307",
            ]
        )

    @pytest.mark.parametrize(
        ("path", "told"),
        [
            ("/people/jane/scores", "/people/{id}/scores"),
            ("/people/jane%2Fdoe", "/people/{id}"),
            ("/people/jane%0Adoe", "/people/{id}"),
            ("/people/", "/people/{id}"),
            ("/people", "(no such path)"),
            ("/peopleXjane", "(no such path)"),
        ],
    )
    def test_a_path_that_names_a_person_is_logged_as_it_is_described(
        self, caplog: pytest.LogCaptureFixture, serve_app: Any, path: str, told: str
    ) -> None:
        app = FastAPI()
        app.add_middleware(
            Gate, keyring=Keyring(), paths=("/people/{id}", "/people/{id}/scores", "/x")
        )
        with serve_app(app) as server, caplog.at_level(logging.INFO, "leadml.api"):
            server.client.get(path)
        own = [record.getMessage() for record in caplog.records if record.name == "leadml.api"]
        # A server of another test may still be telling of its health.
        assert [each.rsplit(" ", 3)[0] for each in own if "healthz" not in each] == [f"GET {told}"]

    def test_a_caller_elsewhere_is_logged_with_the_route_asked_for(
        self, service: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.INFO, "leadml.api"):
            service.client.get("/v1/model", headers={"Host": "example.com"})
            for _ in range(3):
                service.client.get("/healthz")  # the refusal is logged by now
        own = [record.getMessage() for record in caplog.records if record.name == "leadml.api"]
        refused = [message for message in own if " 403 " in message]
        assert [message.rsplit(" ", 2)[0] for message in refused] == ["GET /v1/model 403"]

    def test_a_fault_is_logged_by_kind_and_place_alone(
        self, caplog: pytest.LogCaptureFixture, serve_app: Any
    ) -> None:
        app = FastAPI()

        @app.post("/fail")
        async def fail() -> None:
            msg = "jane@example.com"
            raise RuntimeError(msg)

        app.add_middleware(Gate, keyring=Keyring(), paths=("/fail",))
        with serve_app(app) as server, caplog.at_level(logging.DEBUG):
            answer = server.client.post("/fail", json={})
        assert answer.status_code == 500
        assert answer.json() == {"detail": "the service failed on this request; its log says where"}
        (fault,) = [record for record in caplog.records if record.levelname == "ERROR"]
        assert fault.getMessage().startswith(f"POST /fail: RuntimeError at {__file__}:")
        assert "jane" not in caplog.text
