"""The written page in a real browser: on a phone, on a dark screen and on paper."""

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from leadml.pages.report_page import report_page

pytest.importorskip("playwright", reason="playwright is not installed: no browser is driven")
pytest.importorskip("axe_playwright_python", reason="axe_playwright_python is not installed")

TOO_WIDE = """() => [document.documentElement, ...document.querySelectorAll('.scroll')]
  .filter(box => box.scrollWidth > box.clientWidth)
  .map(box => box.textContent.trim().slice(0, 60))"""
FOLDED = """() => [...document.querySelectorAll('details > :not(summary)')]
  .filter(part => !part.checkVisibility()).length"""
OPEN = "() => document.querySelectorAll('details').forEach(part => { part.open = true })"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    found = next((path for name in names if (path := shutil.which(name))), None)
    path = os.environ.get("LEADML_CHROMIUM") or found
    if path is None:
        pytest.skip("no Chromium is installed, and LEADML_CHROMIUM names none")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory, with_folded_owners: dict[str, Any]) -> str:
    """Return where a rich report with long names stands."""
    values = with_folded_owners
    values["by"]["owner"][0]["owner"] = "a" * 300
    values["rejections"]["by_source"][0]["source"] = "b" * 200
    values["agreement"]["version"] = "v" * 150
    file = tmp_path_factory.mktemp("report") / "report.html"
    file.write_text(report_page(values), "utf-8")
    return file.as_uri()


@pytest.fixture
def page(browser: Any, address: str) -> Iterator[Any]:
    opened = browser.new_page()
    wrong: list[str] = []
    opened.on("console", lambda message: wrong.append(message.text))
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.goto(address)
    yield opened
    opened.close()
    assert wrong == []


def test_nothing_is_wider_than_the_screen(page: Any) -> None:
    page.evaluate(OPEN)
    for width in (320, 390, 700, 768, 800, 1200):
        page.set_viewport_size({"width": width, "height": 850})
        assert page.evaluate(TOO_WIDE) == [], width


def test_everyone_can_read_it_on_a_dark_phone(page: Any) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 390, "height": 850})
    found = Axe().run(page).response["violations"]
    assert [(rule["id"], rule["nodes"][0]["html"]) for rule in found] == []


def test_paper_has_what_the_screen_folds_away(page: Any) -> None:
    assert page.evaluate(FOLDED) > 3
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 688, "height": 1000})  # A4 less its margins
    assert page.evaluate(FOLDED) == 0
    assert page.evaluate(TOO_WIDE) == []
    assert not page.locator(".contents").is_visible()
    assert page.pdf(format="A4").startswith(b"%PDF")


def test_a_dark_screen_turns_white_on_paper(page: Any) -> None:
    colour = "() => getComputedStyle(document.body).backgroundColor"
    page.emulate_media(color_scheme="dark")
    dark = page.evaluate(colour)
    page.emulate_media(color_scheme="dark", media="print")
    assert page.evaluate(colour) == "rgb(255, 255, 255)" != dark


def test_the_skip_link_leads_past_the_contents(page: Any) -> None:
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("() => document.activeElement.id") == "content"
