"""The log: one line a record, without values, and never in the way of an answer."""

import json
import logging
import os
import re
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from leadml.api.monitoring.log_lines import REQUEST_ID, LineFormatter, Lines, log_to, moment
from leadml.api.monitoring.metrics import Metrics
from leadml.api.monitoring.request_log import RequestLog


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    yield reading, writing
    os.close(reading)
    os.close(writing)


def record(message: str, *args: object, name: str = "leadml.api", **more: Any) -> logging.LogRecord:
    made = logging.LogRecord(name, logging.ERROR, __file__, 1, message, args, None)
    made.created = 1_772_442_000.25  # 2026-03-02 09:00 UTC
    vars(made).update(more)
    return made


def fault() -> Any:
    try:
        int("jane@example.com")
    except ValueError:
        return sys.exc_info()


def missed_in(written: bytes) -> int:
    return sum(int(number) for number in re.findall(rb"log lines dropped: (\d+)", written))


class TestFormatter:
    def test_json_is_one_object_a_line(self) -> None:
        line = LineFormatter("json").format(record("two\nlines of %s", "äöü", version="3"))
        assert json.loads(line) == {
            "time": "2026-03-02T09:00:00.250Z",
            "level": "ERROR",
            "logger": "leadml.api",
            "message": "two lines of äöü",
            "version": "3",
        }
        assert "\n" not in line

    def test_who_did_what_can_be_picked_out(self) -> None:
        line = LineFormatter("json").format(record("audit: %s signed in", "boss"))
        assert json.loads(line)["audit"] is True
        assert "audit" not in json.loads(LineFormatter("json").format(record("an audit: no")))

    def test_a_fault_is_told_by_type_and_place(self) -> None:
        told = LineFormatter("json").format(record("failed", exc_info=fault()))
        fields = json.loads(told)
        assert fields["fault"] == "ValueError"
        assert fields["at"].startswith(f"{__file__}:")
        text = LineFormatter("text").format(record("failed", exc_info=fault()))
        assert text.startswith("2026-03-02T09:00:00.250Z ERROR failed: ValueError at ")
        assert "jane" not in told + text

    def test_of_others_the_first_line_is_kept(self) -> None:
        message = "Task exception was never retrieved\nfuture: ValueError('jane')"
        assert "jane" not in LineFormatter("json").format(record(message, name="asyncio"))

    def test_lines_name_the_request_that_is_being_answered(self) -> None:
        token = REQUEST_ID.set("crm-1")
        try:
            assert json.loads(LineFormatter("json").format(record("x")))["request_id"] == "crm-1"
            assert LineFormatter("text").format(record("x")).endswith("ERROR x [crm-1]")
        finally:
            REQUEST_ID.reset(token)

    def test_colours_of_terminals_are_left_out(self) -> None:
        told = LineFormatter("json").format(record("x", name="uvicorn.error", color_message="y"))
        assert "color_message" not in told


class TestLines:
    def test_what_is_put_is_written_in_order(self, pipe: tuple[int, int]) -> None:
        lines = Lines(pipe[1])
        for number in range(1200):
            lines.put(f"{number}\n")
        lines.close()
        assert os.read(pipe[0], 100_000).decode().split() == [str(n) for n in range(1200)]

    def test_a_pipe_that_nobody_reads_stops_nothing(self, pipe: tuple[int, int]) -> None:
        dropped: list[int] = []
        lines = Lines(pipe[1], room=100)
        lines.dropped = dropped.append
        for _ in range(5_000):
            lines.put("x" * 999 + "\n")  # a pipe holds 65,536 bytes
        assert sum(dropped) > 4_000  # told at once, not when somebody reads again
        read = b""
        deadline = time.monotonic() + 20
        while (told := missed_in(read)) < sum(dropped) and time.monotonic() < deadline:
            read += os.read(pipe[0], 1_000_000)
        assert told == sum(dropped) == 5_000 - read.count(b"x\n")
        lines.close()

    def test_a_reader_that_is_gone_stops_nothing(self) -> None:
        reading, writing = os.pipe()
        os.close(reading)
        lines = Lines(writing)
        for _ in range(3):
            lines.put("nobody reads this\n")
        lines.close()
        lines.put("nor this\n")
        os.close(writing)


class TestLogging:
    @pytest.fixture(autouse=True)
    def _as_it_was(self) -> Iterator[None]:
        root, own = logging.getLogger(), logging.getLogger("leadml")
        before = (root.handlers[:], root.level, own.level, threading.excepthook)
        raising = logging.raiseExceptions
        yield
        root.handlers[:], root.level, own.level, threading.excepthook = before
        logging.raiseExceptions = raising

    def test_ours_from_info_and_others_from_warning(self, pipe: tuple[int, int]) -> None:
        lines = Lines(pipe[1])
        log_to(lines)
        logging.getLogger("leadml.api").info("ours")
        logging.getLogger("uvicorn.error").info("theirs")
        logging.getLogger("uvicorn.error").warning("theirs, loud")
        lines.close()
        told = [json.loads(line) for line in os.read(pipe[0], 10_000).decode().splitlines()]
        assert [line["message"] for line in told] == ["ours", "theirs, loud"]

    def test_a_thread_that_fails_quotes_nothing(self, pipe: tuple[int, int]) -> None:
        lines = Lines(pipe[1])
        log_to(lines)
        thread = threading.Thread(target=int, args=("jane",))
        thread.start()
        thread.join()
        lines.close()
        told = os.read(pipe[0], 10_000).decode()
        assert json.loads(told)["fault"] == "ValueError"
        assert "jane" not in told


class TestRequests:
    def told(self, pipe: tuple[int, int], format: Any, method: str = "POST") -> str:
        lines = Lines(pipe[1], format)
        state = {"request_id": "crm-1", "caller": 'the "CRM"'}
        RequestLog(Metrics(), lines).tell(method, "/v1/score", 200, 0.0012345, state)
        lines.close()
        return os.read(pipe[0], 10_000).decode()

    def test_as_json(self, pipe: tuple[int, int]) -> None:
        before = moment(time.time())
        fields = json.loads(self.told(pipe, "json"))
        assert before <= fields.pop("time") <= moment(time.time())
        assert fields == {
            "level": "INFO",
            "logger": "leadml.api",
            "message": "POST /v1/score 200 1.2 ms",
            "request_id": "crm-1",
            "method": "POST",
            "route": "/v1/score",
            "status": 200,
            "ms": 1.234,
            "caller": 'the "CRM"',
            "pid": os.getpid(),
        }

    def test_as_text(self, pipe: tuple[int, int]) -> None:
        _, _, told = self.told(pipe, "text").partition("Z ")
        assert told == 'INFO POST /v1/score 200 1.2 ms the "CRM" [crm-1]\n'

    def test_a_method_that_is_none_is_not_repeated(self, pipe: tuple[int, int]) -> None:
        assert json.loads(self.told(pipe, "json", 'BREW"'))["method"] == "other"

    def test_without_lines_the_logging_of_the_process_is_told(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.INFO, "leadml.api"):
            RequestLog(Metrics()).tell("GET", "/readyz", 503, 0.5, {})
        assert caplog.messages == ["GET /readyz 503 500.0 ms"]
