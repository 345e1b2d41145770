"""Limits of keys: how much at once, how fast again, and that workers count together."""

import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from leadml.api.access import rate_limits as rate_limits_module
from leadml.api.access.rate_limits import RateLimits
from leadml.api.access.refusals import TooOften
from leadml.api.application import create_app
from leadml.domain.api_key import RateLimit
from leadml.workflows.keys import add_key

FIVE = RateLimit(5, 1)
MINUTE = RateLimit(3, 60)


class Clock:
    def __init__(self, now: float = 1_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def limits(tmp_path: Path, clock: Clock) -> RateLimits:
    return RateLimits(tmp_path / "keys.rates", clock=clock)


def taken(limits: RateLimits, name: str, limit: RateLimit, most: int = 20) -> int:
    """Return how many requests are let through at once."""
    return next(n for n in range(most) if limits.wait(name, limit) > 0)


def test_as_many_at_once_as_the_limit_names_then_evenly(limits: RateLimits, clock: Clock) -> None:
    assert taken(limits, "crm", FIVE) == 5
    # Five a second are one every 0.2 seconds.
    assert limits.wait("crm", FIVE) == pytest.approx(0.2)
    clock.now += 0.19
    assert limits.wait("crm", FIVE) == pytest.approx(0.01)
    clock.now += 0.01
    assert limits.wait("crm", FIVE) == 0
    assert limits.wait("crm", FIVE) == pytest.approx(0.2)
    clock.now += 0.5
    assert taken(limits, "crm", FIVE) == 2
    clock.now += 3600
    assert taken(limits, "crm", FIVE) == 5


def test_a_limit_a_minute_may_be_used_at_once_and_comes_back_evenly(
    limits: RateLimits, clock: Clock
) -> None:
    assert taken(limits, "crm", MINUTE) == 3
    assert limits.wait("crm", MINUTE) == pytest.approx(20)
    clock.now += 20
    assert taken(limits, "crm", MINUTE) == 1


def test_over_any_time_no_more_than_the_limit_and_one_bucket(
    limits: RateLimits, clock: Clock
) -> None:
    through = 0
    for _ in range(10_000):  # a thousand requests a second, for ten seconds
        through += limits.wait("crm", FIVE) == 0
        clock.now += 0.001
    assert through == 5 + 5 * 10 - 1  # the last token is whole just after the end


def test_keys_are_counted_apart(limits: RateLimits) -> None:
    assert taken(limits, "crm", FIVE) == 5
    assert taken(limits, "other", FIVE) == 5


def test_workers_count_together(tmp_path: Path, clock: Clock) -> None:
    one, other = (RateLimits(tmp_path / "keys.rates", clock=clock) for _ in range(2))
    assert [limits.wait("crm", FIVE) > 0 for limits in (one, other) * 3] == [False] * 5 + [True]
    assert (tmp_path / "keys.rates").stat().st_mode & 0o777 == 0o600


COUNT = """
import sys
from pathlib import Path
from leadml.api.access.rate_limits import RateLimits
from leadml.domain.api_key import RateLimit
limits = RateLimits(Path(sys.argv[1]))
print(sum(limits.wait("crm", RateLimit(1000, 3600)) == 0 for _ in range(3000)))
"""


def test_processes_that_count_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-c", COUNT, str(tmp_path / "keys.rates")]
    workers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    through = [int(worker.communicate()[0]) for worker in workers]
    # 1,000 an hour are one in 3.6 seconds: the few that come back while this runs.
    assert 1000 <= sum(through) <= 1005


def test_a_moment_of_another_start_of_the_machine_counts_for_nothing(
    limits: RateLimits, clock: Clock
) -> None:
    assert taken(limits, "crm", MINUTE) == 3
    clock.now = 3.0  # the clock begins anew with the machine
    assert taken(limits, "crm", MINUTE) == 3


def test_a_limit_that_was_lowered_holds_at_once(limits: RateLimits) -> None:
    assert taken(limits, "crm", RateLimit(15, 60)) == 15
    assert taken(limits, "crm", FIVE) == 5


def test_where_there_is_no_slot_left_the_one_used_longest_ago_is_taken(
    limits: RateLimits, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_limits_module, "SLOTS", 3)
    for name in ("one", "two", "three"):
        assert taken(limits, name, MINUTE) == 3
        clock.now += 1
    assert taken(limits, "four", MINUTE) == 3
    assert limits.wait("two", MINUTE) > 0
    assert limits.wait("three", MINUTE) > 0
    assert taken(limits, "one", MINUTE) == 3  # forgotten


def test_without_a_file_each_worker_counts_for_itself_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for file in (tmp_path / "no" / "keys.rates", tmp_path / "link"):
        limits = RateLimits(file)
        with caplog.at_level(logging.WARNING, "leadml.api"):
            assert taken(limits, "crm", FIVE) == 5
        assert "limits of keys hold for each worker, not for all" in caplog.text
        caplog.clear()
    assert not (tmp_path / "elsewhere").exists()


CUT_SHORT = """
import sys
from pathlib import Path
from leadml.api.access.rate_limits import RateLimits
from leadml.domain.api_key import RateLimit
file, limit = Path(sys.argv[1]), RateLimit(3, 3600)
limits = RateLimits(file)
print(sum(limits.wait("crm", limit) == 0 for _ in range(5)))
file.write_bytes(b"")
print(sum(limits.wait("crm", limit) == 0 for _ in range(5)))
file.write_bytes(file.read_bytes()[:-1])
print(sum(limits.wait("crm", limit) == 0 for _ in range(5)))
"""


def test_a_file_that_is_cut_short_ends_no_process_and_counting_begins_anew(tmp_path: Path) -> None:
    command = [sys.executable, "-c", CUT_SHORT, str(tmp_path / "keys.rates")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    # The last byte of a moment holds its sign and most of its exponent: it was ages ago.
    assert (done.returncode, done.stdout.split(), done.stderr) == (0, ["3", "3", "3"], "")


ROOM = """
import logging, resource, sys
from pathlib import Path
from leadml.api.access.rate_limits import RateLimits
from leadml.domain.api_key import RateLimit
logging.basicConfig(format="%(message)s", stream=sys.stdout)
limits, limit = RateLimits(Path(sys.argv[1])), RateLimit(3, 3600)

def taken(name):
    print(sum(limits.wait(name, limit) == 0 for _ in range(5)), flush=True)

taken("before")
most, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
taken("meanwhile")
taken("other")
resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
taken("before")
RateLimits(Path(sys.argv[1])).wait("meanwhile", limit)
taken("meanwhile")
"""


def test_without_room_each_worker_counts_for_itself_until_there_is_some_and_says_so_once(
    tmp_path: Path,
) -> None:
    command = [sys.executable, "-c", ROOM, str(tmp_path / "keys.rates")]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    before, told, meanwhile, other, after, together = done.stdout.splitlines()
    assert told.endswith("(File too large): limits of keys hold for each worker, not for all")
    assert (before, meanwhile, other) == ("3", "3", "3")
    assert (after, together) == ("0", "2")  # counted in the file again, one of them elsewhere


def test_a_device_without_room_is_counted_beside(caplog: pytest.LogCaptureFixture) -> None:
    limits = RateLimits(Path("/dev/full"))
    assert taken(limits, "crm", MINUTE) == 3
    assert "/dev/full cannot be used (No space left on device)" in caplog.text


def test_what_is_refused_says_when_to_come_back(limits: RateLimits) -> None:
    for _ in range(3):
        limits.keep("crm", MINUTE)
    with pytest.raises(TooOften, match=r"^the key crm may make 3 requests every 60 seconds: ") as e:
        limits.keep("crm", MINUTE)
    assert e.value.headers == {"Retry-After": "20"}


def test_a_service_answers_429_with_the_time_to_wait_and_counts_it(
    tmp_path: Path, make_settings: Any, make_version: Any, serve_app: Any
) -> None:
    make_version(tmp_path / "models")
    settings = make_settings(tmp_path, keys=("plain",), admin_keys=("boss",))
    key = add_key(settings, "crm", scopes=frozenset({"score"}), limit=RateLimit(3, 3600)).key
    lead, headers = {"lead": {"lead_id": "L1"}}, {"X-API-Key": key}
    with serve_app(create_app(settings)) as server:
        post, get = server.client.post, server.client.get
        assert post("/v1/score", json=lead, headers=headers).status_code == 200
        batch = {"leads": [lead] * 5}  # one request, however many leads
        assert post("/v1/score/batch", json=batch, headers=headers).json()["scored"] == 5
        assert get("/v1/model", headers=headers).status_code == 200
        assert get("/healthz", headers=headers).status_code == 200
        refused = post("/v1/score", json=lead, headers=headers)
        assert refused.status_code == 429
        # One comes back in 3600 / 3 = 1,200 seconds, less those since the first.
        assert 1_190 <= int(refused.headers["Retry-After"]) <= 1_200
        assert "nothing of this one was done" in refused.json()["detail"]
        assert get("/healthz", headers=headers).status_code == 200
        assert post("/v1/score", json=lead, headers={"X-API-Key": "plain"}).status_code == 200
        told = get("/metrics", headers={"X-API-Key": "boss"}).text
    assert 'leadml_rate_limited_total{key="crm"} 1.0' in told
