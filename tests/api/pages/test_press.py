"""A page that takes long is made once for all who ask, and anew when it must be."""

import asyncio
import threading
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from fastapi import HTTPException

from leadml.api.pages import press as press_module
from leadml.api.pages.press import Press, evaluation_key, report_key
from leadml.errors import ApartError, ConfigError

CONFIG = Path("leadml.toml")


class Work:
    """Makes pages that say how often it was asked; may be held up, or fail."""

    def __init__(self) -> None:
        self.key: tuple[object, ...] = (1, "configuration")
        self.asked = 0
        self.problem = ""
        self.go = threading.Event()
        self.go.set()

    def look(self, _: Path) -> tuple[object, ...]:
        return self.key

    def make(self, _: Path) -> dict[str, Any]:
        self.asked += 1
        asked = self.asked
        self.go.wait(20)
        if self.problem:
            raise ApartError(self.problem)
        return {"values": {"asked": asked}, "page": f"page {asked}"}


def pressed(work: Work) -> Press:
    return Press(CONFIG, work.look, work.make)


async def page(press: Press, patience: float = 20.0) -> str | None:
    made = await press.newest(patience)
    return None if made is None else made.page


@pytest.fixture
def restless(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing rest: what changed is made anew at once."""
    monkeypatch.setattr(press_module, "SHARE", 0.0)


@pytest.fixture
def restful(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let everything rest long, however quickly it was made."""
    monkeypatch.setattr(press_module, "SHARE", 1e9)


def test_all_who_ask_at_once_get_the_same() -> None:
    async def visits() -> list[str | None]:
        press, work = Press(CONFIG, held.look, held.make), held
        asking = [asyncio.create_task(page(press)) for _ in range(5)]
        while not work.asked:
            await asyncio.sleep(0)
        work.go.set()
        return await asyncio.gather(*asking)

    held = Work()
    held.go.clear()
    assert asyncio.run(visits()) == ["page 1"] * 5
    assert held.asked == 1


def test_the_first_visitor_is_told_to_come_again_and_then_finds_it() -> None:
    async def visits() -> list[str | None]:
        press = pressed(work)
        early = await page(press, 0.0)
        work.go.set()
        return [early, await page(press)]

    work = Work()
    work.go.clear()
    assert asyncio.run(visits()) == [None, "page 1"]
    assert work.asked == 1


def test_while_a_newer_one_is_made_the_last_is_shown(restless: None) -> None:
    async def visits() -> list[str | None]:
        press = pressed(work)
        first = await page(press)
        work.key = (2, "configuration")
        work.go.clear()
        meanwhile = await page(press, 0.0)
        work.go.set()
        return [first, meanwhile, await page(press)]

    work = Work()
    assert asyncio.run(visits()) == ["page 1", "page 1", "page 2"]


def test_what_has_not_changed_is_not_made_again(restless: None) -> None:
    async def visits() -> list[str | None]:
        press = pressed(work)
        return [await page(press), await page(press)]

    work = Work()
    assert asyncio.run(visits()) == ["page 1", "page 1"]


def test_a_ledger_that_grows_does_not_keep_the_press_running(restful: None) -> None:
    async def visits() -> list[str | None]:
        press = pressed(work)
        first = await page(press)
        work.key = (2, "configuration")
        grown = await page(press)
        work.key = (2, "other configuration")
        return [first, grown, await page(press)]

    work = Work()
    assert asyncio.run(visits()) == ["page 1", "page 1", "page 2"]


def test_what_cannot_be_made_is_told_and_not_tried_again_at_once(restful: None) -> None:
    async def visits() -> str | None:
        press = pressed(work)
        for _ in range(3):
            with pytest.raises(ApartError, match=r"^the ledger holds no lead yet$"):
                await page(press)
        assert press.last is None
        work.problem = ""
        work.key = (2, "configuration")  # something came
        return await page(press)

    work = Work()
    work.problem = "the ledger holds no lead yet"
    assert asyncio.run(visits()) == "page 2"
    assert work.asked == 2


def test_a_failure_that_nobody_waited_for_is_told_to_the_next(restful: None) -> None:
    async def visits() -> None:
        press = pressed(work)
        assert await page(press, 0.0) is None
        work.go.set()
        with pytest.raises(ApartError, match="no use"):
            await page(press)

    work = Work()
    work.problem = "no use"
    work.go.clear()
    asyncio.run(visits())


def test_a_service_that_stops_waits_for_no_page() -> None:
    async def visits() -> None:
        assert await page(pressed(work), 0.0) is None

    work = Work()
    work.go.clear()
    asyncio.run(visits())  # returns though the work goes on
    working = [thread for thread in threading.enumerate() if thread.name == "leadml press"]
    work.go.set()
    assert [thread.daemon for thread in working] == [True]  # nor does the interpreter's end wait
    working[0].join()  # and tells nobody: the loop is closed


def test_nothing_is_made_without_a_configuration() -> None:
    work = Work()
    press = Press(None, work.look, work.make)
    with pytest.raises(ConfigError, match="without a configuration file"):
        asyncio.run(page(press))


class TestKeys:
    def test_a_report_depends_on_ledger_configuration_and_day(self, tmp_path: Path) -> None:
        config = tmp_path / "leadml.toml"
        config.write_text("")
        mark = [7]
        key = report_key(ZoneInfo("UTC"), lambda: mark[0])
        first = key(config)
        assert first[0] == 7
        assert key(config) == first
        mark[0] = 8
        assert key(config)[1:] == first[1:]
        config.write_text("[leads]")
        assert key(config)[1] != first[1]
        east, west = (
            report_key(ZoneInfo(zone), lambda: 7) for zone in ("Etc/GMT-14", "Etc/GMT+12")
        )
        assert east(config)[2] != west(config)[2]  # 26 hours apart: never the same day
        config.unlink()
        with pytest.raises(ConfigError, match=r"leadml\.toml cannot be read: No such file"):
            key(config)

    def test_an_evaluation_depends_on_its_file(self, tmp_path: Path) -> None:
        config = tmp_path / "leadml.toml"
        with pytest.raises(HTTPException) as refused:
            evaluation_key(config)
        assert refused.value.status_code == 404
        written = tmp_path / "evaluation" / "evaluation.json"
        written.parent.mkdir()
        written.write_text("{}")
        first = evaluation_key(config)
        written.write_text("{ }")
        assert evaluation_key(config) != first
