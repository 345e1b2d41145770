"""Guessing keys is slowed down, and cannot fill the memory."""

import pytest

from leadml.api.access import attempts as attempts_module
from leadml.api.access.attempts import Attempts


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def failing(times: int, address: str = "192.0.2.7") -> tuple[Attempts, Clock]:
    clock = Clock()
    attempts = Attempts(clock)
    for _ in range(times):
        attempts.failed(address)
    return attempts, clock


@pytest.mark.parametrize(
    ("failures", "wait"), [(0, 0), (4, 0), (5, 1), (6, 2), (8, 8), (11, 60), (5_000, 60)]
)
def test_the_wait_doubles_from_the_fifth_failure_on_up_to_a_minute(
    failures: int, wait: float
) -> None:
    attempts, clock = failing(failures)
    assert attempts.wait("192.0.2.7") == wait
    clock.now += wait / 2
    assert attempts.wait("192.0.2.7") == wait / 2
    clock.now += wait / 2
    assert attempts.wait("192.0.2.7") == 0
    assert attempts.wait("192.0.2.8") == 0


def test_success_and_a_quarter_of_an_hour_forget_failures() -> None:
    attempts, clock = failing(8)
    attempts.succeeded("192.0.2.7")
    assert attempts.wait("192.0.2.7") == 0
    attempts, clock = failing(8)
    clock.now += 901
    attempts.failed("192.0.2.7")
    assert attempts.wait("192.0.2.7") == 0


def test_addresses_of_one_network_count_together() -> None:
    attempts, _ = failing(5, "2001:db8:1:2::1")
    assert attempts.wait("2001:db8:1:2:ffff::9") == 1
    assert attempts.wait("2001:db8:1:3::1") == 0


def test_what_is_no_address_counts_too() -> None:
    attempts, _ = failing(5, "testclient")
    assert attempts.wait("") == 1


def test_only_so_many_addresses_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts_module, "MOST", 2)
    attempts, _ = failing(5, "192.0.2.1")
    attempts.failed("192.0.2.2")
    assert attempts.wait("192.0.2.1") == 1
    attempts.failed("192.0.2.3")
    assert attempts.wait("192.0.2.1") == 0
