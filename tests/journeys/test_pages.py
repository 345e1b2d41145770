"""The pages of a real service in a real browser: read, looked up, promoted, rolled back."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx2
import pandas as pd
import pytest

from leadml import tracking
from leadml.data.simulate import simulate
from leadml.domain.api_key import ApiKey, KeyDigest
from leadml.domain.event import Event
from leadml.model.bundle import install_bundle, read_aliases
from leadml.settings import load_settings
from leadml.store.ledger import Ledger
from leadml.workflows.key_file import write_keys
from leadml.workflows.models import models
from leadml.workflows.train import train

pytest.importorskip("playwright", reason="playwright is not installed: no browser is driven")
pytest.importorskip("axe_playwright_python", reason="axe_playwright_python is not installed")

READER, ADMIN = "leadml_reader_readers-key", "admin-key"
NASTY = "<script>alert(1)</script>/ä"
PAGES = [
    "/",
    "/report",
    "/leads",
    "/leads/L00005",
    "/comparison",
    "/models",
    "/webhooks",
    "/agreement",
]
NOT_FOR_SERVING = {"pandas", "sklearn", "mlflow", "scipy", "matplotlib", "duckdb", "alembic"}
PROCESS = """
import sys
from leadml.cli.main import main
try:
    main(["serve", "--port", "0", "--config", "leadml.toml"])
finally:
    print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


def _chromium() -> str | None:
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    found = (shutil.which(name) for name in names)
    return os.environ.get("LEADML_CHROMIUM") or next((path for path in found if path), None)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a company's folder: a champion, a second version like it, and a filled ledger."""
    folder = tmp_path_factory.mktemp("pages")
    crm = simulate(240, seed=3)
    crm.leads.to_csv(folder / "leads.csv", index=False)
    (folder / "leadml.toml").write_text(crm.definition, encoding="utf-8")
    settings = load_settings(folder / "leadml.toml")
    first = train(folder / "leads.csv", config=settings, as_of="2025-12-01")
    bundle = settings.models / "versions" / first.version
    again = tracking.Recorded({}, {}, {}, {}, {}, bundle, ("lead_id",), Path(__file__))
    second = tracking.record(settings.tracking_uri, again)
    install_bundle(bundle, settings.models, second.version)
    with Ledger.open(settings.store_url) as ledger:
        receipts = ledger.record(list(events_of(crm.leads)))
    assert {receipt.status for receipt in receipts} == {"recorded"}
    return folder


def events_of(leads: pd.DataFrame) -> Iterator[Event]:
    """Yield hand-offs, follow-ups and outcomes of an export; one lead is called by a script."""
    for n, row in enumerate(leads[leads["handed_off_at"].notna()].to_dict("records")):
        lead = NASTY if n == 3 else str(row["lead_id"])
        owner = '"><img src=x onerror=alert(2)>' if n % 3 == 0 else str(row["rep"])
        told = {"lead": lead, "owner": owner}
        attributes = {"source": str(row["lead_source"]), "created_at": iso(row["created_at"])}
        detail: dict[str, Any] = {"attributes": attributes}
        handed_off_at = when(row["handed_off_at"])
        yield Event(event="handed_off", happened_at=handed_off_at, detail=detail, **told)
        if not pd.isna(row["first_touch_at"]):
            yield Event(event="followed_up", happened_at=when(row["first_touch_at"]), **told)
        if row["stage"] in {"Closed Won", "Closed Lost"}:
            won = row["stage"] == "Closed Won"
            money = {"amount": row["amount"], "margin_amount": row["amount"] * row["margin"]}
            yield Event(
                event="won" if won else "lost",
                happened_at=when(row["closed_at"]),
                detail=money if won else {},
                **told,
            )


def when(value: Any) -> datetime:
    return pd.Timestamp(value).to_pydatetime().replace(tzinfo=UTC)


def iso(value: Any) -> str:
    return when(value).isoformat()


@dataclass
class Service:
    """A running service: its address, and a client with the administrator's key."""

    url: str
    client: httpx2.Client
    process: "subprocess.Popen[str]"


@contextmanager
def serving(folder: Path) -> Iterator[Service]:
    digest = KeyDigest("reader", sha256(READER.encode()).hexdigest())
    reader = ApiKey("ada", frozenset({"read"}), datetime(2026, 3, 1, tzinfo=UTC), digests=(digest,))
    write_keys(folder / "keys.json", [reader])
    keys = {"LEADML_API_KEYS": "crm-key", "LEADML_ADMIN_KEYS": ADMIN}
    process = subprocess.Popen(
        [sys.executable, "-c", PROCESS],
        cwd=folder,
        env=os.environ | {"OMP_NUM_THREADS": "1"} | keys,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,  # some hundred lines: they fit the pipe
        text=True,
    )
    assert process.stderr is not None
    try:
        said = process.stderr.readline()
        address = re.search(r"http://[\d.:]+", said)
        assert address, said + process.stderr.read()
        with httpx2.Client(base_url=address[0], timeout=60, headers={"X-API-Key": ADMIN}) as client:
            yield Service(address[0], client, process)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=20)


@pytest.fixture(scope="module")
def service(home: Path) -> Iterator[Service]:
    with serving(home) as service:
        lead = {"lead_id": "L00005", "company_size": 900, "job_title": "CEO"}
        for moment in ("2026-03-02", "2026-03-03"):
            answer = service.client.post("/v1/score", json={"lead": lead, "as_of": moment})
            assert answer.json()["recorded"] is True
        yield service


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    path = _chromium()
    if path is None:
        pytest.skip("no Chromium is installed, and LEADML_CHROMIUM names none")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield launched
        launched.close()


class Watched:
    """A page that notes what must not happen: errors, requests to elsewhere, dialogues."""

    def __init__(self, context: Any, url: str) -> None:
        self.page = context.new_page()
        self.wrong: list[str] = []
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        self.page.on("dialog", lambda dialog: self.wrong.append(f"dialog: {dialog.message}"))
        self.page.on("request", lambda request: self._request(request.url, url))

    def _console(self, message: Any) -> None:
        if message.type in {"error", "warning"}:
            self.wrong.append(f"console: {message.text}")

    def _request(self, asked: str, url: str) -> None:
        if not asked.startswith((f"{url}/", "data:")):
            self.wrong.append(f"request: {asked}")


@pytest.fixture
def visit(browser: Any, service: Service) -> Iterator[Any]:
    """Return what opens a page of the service in a fresh browser, signed in with a key."""
    contexts = []

    def opened(key: str | None = None) -> Watched:
        context = browser.new_context(base_url=service.url)
        context.set_default_timeout(60_000)
        contexts.append(context)
        watched = Watched(context, service.url)
        if key is not None:
            watched.page.goto("/login")
            watched.page.get_by_label("API key").fill(key)
            watched.page.get_by_role("button", name="Sign in").click()
        return watched

    yield opened
    for context in contexts:
        context.close()


def numbers_in(value: Any) -> Iterator[float]:
    """Yield every number of a JSON value."""
    if isinstance(value, dict):
        for inner in value.values():
            yield from numbers_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from numbers_in(inner)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield float(value)


def plain(text: str) -> str:
    """Return a text without the typography of pages."""
    return " ".join(text.split()).replace("\u2011", "-")


def shown_numbers(page: Any) -> list[float]:
    """Return the numbers of a page as the program knows them."""
    script = "nodes => nodes.map(node => node.getAttribute('value'))"
    return [float(value) for value in page.locator("main data").evaluate_all(script)]


def see(page: Any, path: str) -> None:
    """Open a page; one that is still being made comes by itself."""
    answer = page.goto(path)
    assert answer.status in {200, 202}, path
    page.locator("h1").filter(has_not_text="is being made").wait_for()


def tab_to(page: Any, name: str, *, most: int = 60) -> None:
    """Press the tab key until what has this name has the focus."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate(_FOCUSED).strip() == name:
            return
    pytest.fail(f"{name!r} is not reached by the tab key")


_FOCUSED = """() => { const e = document.activeElement;
  return e.labels && e.labels.length ? e.labels[0].textContent : e.textContent; }"""


def test_every_page_loads_quietly_and_can_be_read_by_everyone(visit: Any) -> None:
    from axe_playwright_python.sync_playwright import Axe

    watched = visit(ADMIN)
    page, axe = watched.page, Axe()
    for path in [*PAGES, "/models/2/promote", "/logout"]:
        see(page, path)
        for width in (1200, 390):
            page.set_viewport_size({"width": width, "height": 844})
            found = axe.run(page).response["violations"]
            assert [(rule["id"], rule["nodes"][0]["html"]) for rule in found] == [], path
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        assert page.title().endswith("leadml") or path == "/report", path
        assert page.locator("h1").count() == 1
        assert page.get_by_role("navigation", name="Pages").count() == 1
    assert watched.wrong == []


def test_tables_tell_what_the_json_tells(visit: Any, service: Service, home: Path) -> None:
    page = visit(READER).page
    see(page, "/report")
    values = service.client.get("/report.json").json()
    known = set(numbers_in(values))
    shown = shown_numbers(page)
    assert len(shown) > 50
    assert [number for number in shown if number not in known] == []
    assert plain(page.locator("h1").inner_text()) == plain(values["verdict_text"])

    page.goto("/leads/L00005")
    history = service.client.get("/v1/leads/L00005").json()
    rows = page.locator("table.scores tbody tr")
    assert rows.count() == len(history["scores"]) == 2
    for n, score in enumerate(history["scores"]):
        row = rows.nth(n)
        assert row.locator("time").get_attribute("datetime") == score["happened_at"]
        given = row.locator("data").evaluate_all("all => all.map(e => e.getAttribute('value'))")
        assert [float(value) for value in given] == [score["probability"], score["points"]]
        told = row.locator("li").all_inner_texts()
        assert [text.split(": ", 1)[1] for text in told] == [r["text"] for r in score["reasons"]]

    page.goto("/models")
    for version in models(home / "leadml.toml"):
        row = page.locator(f"#version-{version.version}")
        known = version.manifest
        assert [float(n) for n in row.locator("data").evaluate_all(_VALUES)] == [
            known["leads"],
            known["won"],
            known["out_of_time"]["log_loss"],
            known["out_of_time"]["auc"],
            *([known["threshold"]["probability"]] if known["threshold"]["probability"] else []),
        ]
        assert row.locator("code").get_attribute("title") == known["agreement_hash"]
        assert ("champion" in row.locator("th").inner_text()) is (version.alias == "champion")


_VALUES = "all => all.map(e => e.getAttribute('value'))"


def test_a_lead_is_looked_up_by_keyboard(visit: Any) -> None:
    watched = visit(READER)
    page = watched.page
    page.goto("/leads")
    page.keyboard.press("Tab")
    assert page.evaluate(_FOCUSED) == "Skip to the content"
    page.keyboard.press("Enter")
    tab_to(page, "Lead id")
    page.keyboard.type(NASTY)
    page.keyboard.press("Enter")
    page.wait_for_url("**/leads?lead=*")
    assert page.locator("h1").inner_text() == NASTY
    assert page.get_by_text('"><img src=x onerror=alert(2)>').count() > 1
    page.get_by_label("Lead id").fill("nobody")
    page.keyboard.press("Enter")
    page.wait_for_url("**/leads?lead=nobody")
    assert "The ledger knows no lead “nobody”" in page.get_by_role("alert").inner_text()
    assert page.get_by_label("Lead id").get_attribute("aria-invalid") == "true"
    only_told = "console: Failed to load resource: the server responded with a status of 404"
    assert [wrong for wrong in watched.wrong if not wrong.startswith(only_told)] == []


def test_an_administrator_promotes_and_rolls_back_by_keyboard(
    visit: Any, service: Service, home: Path
) -> None:
    watched = visit(ADMIN)
    page = watched.page
    page.goto("/models")
    assert page.locator("h1").inner_text() == "Version 1 serves."
    tab_to(page, "Promote version 2")
    page.keyboard.press("Enter")
    page.wait_for_url("**/models/2/promote")
    assert page.locator("h1").inner_text() == "Make version 2 champion?"
    tab_to(page, "Make version 2 champion")
    page.keyboard.press("Enter")
    page.wait_for_url("**/models?changed=2")
    assert page.get_by_role("status").inner_text() == "Version 2 serves now."
    assert service.client.get("/v1/model").json()["version"] == "2"
    assert served_by_mlflow(home) == "2"

    tab_to(page, "Roll back to version 1")
    page.keyboard.press("Enter")
    page.wait_for_url("**/models/1/promote")
    tab_to(page, "Roll back to version 1")
    page.keyboard.press("Enter")
    page.wait_for_url("**/models?changed=1")
    assert page.get_by_role("status").inner_text() == "Version 1 serves now."
    assert service.client.get("/readyz").json()["version"] == "1"
    assert read_aliases(home / "models")["champion"]["previous"] == "2"
    told = "audit: admin key 1 made version 2 champion instead of 1"
    assert service.process.stderr is not None
    assert any(told in line for line in service.process.stderr)  # ends where it is found
    assert watched.wrong == []


def served_by_mlflow(home: Path) -> str | None:
    registered = tracking.registered(load_settings(home / "leadml.toml").tracking_uri)
    return next((version.version for version in registered if "champion" in version.aliases), None)


def test_who_only_reads_changes_nothing(visit: Any, service: Service) -> None:
    page = visit(READER).page
    page.goto("/models")
    assert page.get_by_role("link", name="Promote").count() == 0
    answer = page.goto("/models/2/promote")
    assert answer.status == 403
    assert "needs the scope admin" in plain(page.locator("h1").inner_text())
    assert service.client.get("/v1/model").json()["version"] == "1"


def test_signing_in_and_out(visit: Any) -> None:
    page = visit().page
    page.goto("/leads?lead=L00005")
    assert page.locator("h1").inner_text() == "Sign in"
    page.get_by_label("API key").fill("a guess")
    page.get_by_role("button", name="Sign in").click()
    assert "This key is not known" in page.get_by_role("alert").inner_text()
    page.get_by_label("API key").fill(READER)
    page.keyboard.press("Enter")
    page.wait_for_url("**/leads?lead=L00005")
    assert page.locator("h1").inner_text() == "L00005"
    page.get_by_role("link", name="Sign out").click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/login")
    page.goto("/")
    assert page.locator("h1").inner_text() == "Sign in"


def test_a_form_on_another_site_changes_nothing(visit: Any, service: Service) -> None:
    page = visit(ADMIN).page
    page.goto("/models/2/promote")
    token = page.locator("input[name=token]").get_attribute("value")
    page.goto(service.url.replace("127.0.0.1", "localhost") + "/docs")
    page.set_content(
        f'<form method="post" action="{service.url}/models/2/promote">'
        f'<input name="token" value="{token}"><input name="serving" value="1">'
        "<button>Win a prize</button></form>"
    )
    page.get_by_role("button").click()
    page.wait_for_url("**/login?next=*")  # the cookie does not come along
    assert service.client.get("/v1/model").json()["version"] == "1"


def test_whatever_pages_were_opened_the_service_loads_no_training_library(
    service: Service,
) -> None:
    for path in [*PAGES, "/report.json", "/login", "/models/2/promote"]:
        assert service.client.get(path).status_code in {200, 303}, path
    service.process.send_signal(signal.SIGINT)  # the last test: it ends the service
    loaded = set(service.process.communicate(timeout=20)[0].split())
    assert "sqlalchemy" in loaded
    assert not NOT_FOR_SERVING & loaded
