"""A real Tryton: its leads scored there, its wins and losses in the ledger.

The server is installed from PyPI into an environment of its own, kept in pytest's cache, and shared
by the tests of this file: each makes leads of its own.
"""

import base64
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from math import exp
from pathlib import Path
from shutil import copyfile, rmtree
from typing import Any

import httpx2
import pytest
from click.testing import CliRunner

from leadml.cli.main import main
from leadml.settings import load_settings
from leadml.store.ledger import Ledger
from leadml.workflows.crm.connector import CrmScore
from leadml.workflows.crm.tryton import tryton_connector
from leadml.workflows.crm.wording import BEGIN, mark_in

HERE = Path(__file__).parent / "tryton"
PINS = HERE / "requirements.txt"
REQUIRED = "LEADML_TRYTON_REQUIRED"
PASSWORDS = {"leadml": "leadml reads leads", "kim": "kim sells things"}
PATIENCE = 120.0
TOML = """\
[leads]
id = "number"
outcome = "stage"
won = ["won"]
lost = ["lost", "cancelled"]
created_at = "created"
handed_off_at = "handed"
followed_up_at = "quoted"
closed_at = "closed"
amount = "amount"
account = "company"
owner = "salesperson"
timezone = "Europe/Berlin"

[crm.tryton]
url = "{url}"
database = "crm"
user = "leadml"
requests_per_second = {pace}
page = 2

[crm.tryton.columns]
number = "number"
stage = "state"
created = "create_date"
handed = "@opportunity, converted"
quoted = "@converted"
closed = "@closed"
amount = "amount"
company = "party.name"
salesperson = "employee.rec_name"
size = "amount"
source = "description"
"""


def environment(home: Path) -> Path:
    """Return a Python with Tryton in it, and a database beside it; made once."""
    python = home / "venv" / "bin" / "python"
    if (home / "ready").exists():
        return python
    rmtree(home)
    home.mkdir()
    install(home)
    database = home / "crm.sqlite"
    database.touch()
    configuration = configure(home)
    (home / "password").write_text("administers things")
    words = [str(python), str(HERE / "prepare.py"), str(configuration), "crm"]
    variables = {**os.environ, "TRYTONPASSFILE": str(home / "password")}
    done = subprocess.run(words, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (home / "ready").touch()
    return python


def install(home: Path) -> None:
    venv = [sys.executable, "-m", "venv", "--without-pip", str(home / "venv")]
    pip = [sys.executable, "-m", "pip", "--python", str(home / "venv" / "bin" / "python")]
    pip += ["install", "--quiet", "--disable-pip-version-check", "--no-compile"]
    pip += ["--only-binary", ":all:", "--require-hashes", "-r", str(PINS)]
    for words in (venv, pip):
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            why = f"Tryton cannot be installed here: {done.stderr.strip().splitlines()[-1:]}"
            if os.environ.get(REQUIRED):
                pytest.fail(why)
            pytest.skip(why)


def configure(folder: Path) -> Path:
    file = folder / "trytond.conf"
    file.write_text(f"[database]\nuri = sqlite://\npath = {folder}\n[web]\nlisten = 127.0.0.1:0\n")
    return file


def until(condition: Callable[[], Any]) -> Any:
    """Return what a condition becomes once it is something."""
    deadline = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
    return found


@dataclass
class Tryton:
    """The server, as salespeople use it."""

    url: str

    def __post_init__(self) -> None:
        self.client = httpx2.Client(base_url=self.url, timeout=PATIENCE)
        number, token, _ = self.ask("common.db.login", "kim", {"password": PASSWORDS["kim"]})
        name = base64.b64encode(f"kim:{number}:{token}".encode()).decode()
        self.client.headers["Authorization"] = f"Session {name}"
        known = self.ask("model.res.user.get_preferences", True, {})
        self.context = {name: known[name] for name in ("company", "companies", "employee")}

    def ask(self, method: str, *params: Any) -> Any:
        body = {"id": 1, "method": method, "params": params}
        answer = self.client.post("/crm/rpc/", json=body).raise_for_status().json()
        assert "error" not in answer, answer
        return answer["result"]

    def lead(self, method: str, *params: Any) -> Any:
        return self.ask(f"model.sale.opportunity.{method}", *params, self.context)

    def make(self, amount: int, source: str, **fields: Any) -> int:
        money = {"__class__": "Decimal", "decimal": str(amount)}
        given = {"amount": money, "description": source, **fields}
        (number,) = self.lead("create", [given])
        return int(number)

    def read(self, number: int) -> dict[str, Any]:
        wanted = ["state", "comment", "conversion_probability", "_timestamp"]
        (row,) = self.lead("read", [number], wanted)
        return dict(row)

    def writes(self, number: int) -> int:
        """Return how often a lead was written since it was made."""
        return len(self.lead("history_revisions", [number])) - 1

    def party(self) -> int:
        address = {"city": "Bonn"}
        given = {"name": "Acme", "addresses": [["create", [address]]]}
        (number,) = self.ask("model.party.party.create", [given], self.context)
        return int(number)

    def sell(self, number: int, price: str) -> None:
        """Make a quotation of an opportunity, and confirm it: Tryton then calls it won."""
        sales = self.lead("convert", [number])["res_id"]
        line = {
            "quantity": 1,
            "unit_price": {"__class__": "Decimal", "decimal": price},
            "description": "a machine",
        }
        self.ask("model.sale.sale.write", sales, {"lines": [["create", [line]]]}, self.context)
        for step in ("quote", "confirm"):
            self.ask(f"model.sale.sale.{step}", sales, self.context)


@pytest.fixture(scope="module")
def tryton(request: pytest.FixtureRequest, tmp_path_factory: Any) -> Iterator[Tryton]:
    made_of = [path.read_bytes() for path in sorted(HERE.glob("*.*"))]
    key = hashlib.sha256(b"".join(made_of) + sys.version.encode()).hexdigest()[:12]
    cache = request.config.cache
    home = tmp_path_factory.mktemp("tryton") if cache is None else cache.mkdir(f"tryton-{key}")
    python = environment(home)
    folder = tmp_path_factory.mktemp("data")
    copyfile(home / "crm.sqlite", folder / "crm.sqlite")
    log = folder / "log"
    with log.open("w") as out:
        words = [str(python), "-m", "trytond.cli", "-c", str(configure(folder)), "-d", "crm", "-v"]
        server = subprocess.Popen(words, stdout=out, stderr=out)
    try:
        found = until(lambda: re.search(r"Running on (http://127\.0\.0\.1:\d+)", log.read_text()))
        used = Tryton(found[1])
        yield used
        used.client.close()
    finally:
        server.terminate()
        server.wait(timeout=30)


@pytest.fixture
def company(
    tryton: Tryton, make_model: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Path]:
    """Return what makes a company's configuration, with the handmade champion beside it."""
    monkeypatch.setenv("LEADML_TRYTON_PASSWORD", PASSWORDS["leadml"])

    def make(url: str = tryton.url, pace: float = 1000.0) -> Path:
        config = tmp_path / "leadml.toml"
        config.write_text(TOML.format(url=url, pace=pace))
        make_model(definition=load_settings(config).definition)
        return config

    return make


def sync(config: Path, *options: str, code: int = 0) -> dict[str, Any]:
    words = ["crm", "tryton", "sync", "--config", str(config), "--json", *options]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == code, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def events(config: Path, lead: int) -> list[tuple[str, datetime, dict[str, Any]]]:
    with Ledger.open(load_settings(config).store_url) as ledger:
        found = [stored.event for stored in ledger.history(str(lead))]
    return [(event.event, event.happened_at, dict(event.detail)) for event in found]


def share(log_odds: float) -> float:
    return 1 / (1 + exp(-log_odds))


class Busy(ThreadingHTTPServer):
    """Passes requests on to Tryton, but answers every fifth one 429."""

    daemon_threads = True

    def __init__(self, target: str) -> None:
        super().__init__(("127.0.0.1", 0), _Passing)
        self.target, self.asked, self.turned_away = target, 0, 0
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


_PASSED = ("Authorization", "Content-Type")


class _Passing(BaseHTTPRequestHandler):
    server: Busy

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked += 1
        if self.server.asked % 5 == 0:
            self.server.turned_away += 1
            self._send(429, b"", {"Retry-After": "0"})
            return
        kept = {n: v for n, v in self.headers.items() if n.title() in _PASSED}
        answer = httpx2.post(self.server.target + self.path, content=body, headers=kept)
        self._send(answer.status_code, answer.content, {})

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def busy(target: str) -> Iterator[Busy]:
    with Busy(target) as server:
        thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def test_leads_are_scored_in_tryton_and_outcomes_come_back(
    tryton: Tryton, company: Callable[..., Path]
) -> None:
    config = company()
    party = tryton.party()
    big = tryton.make(2000, "Ads", party=party, comment="Called on Monday.\n")
    small = tryton.make(10, "Web", party=party)
    first = sync(config)
    assert first["failed"] == 0
    row = tryton.read(big)
    # -1 + 1 for its size + 0.5 for Ads + 0.25 for unknown visits; -1 - 0.5 + 0.25
    assert row["conversion_probability"] == pytest.approx(share(0.75), abs=1e-3)
    assert row["comment"].startswith(f"Called on Monday.\n\n{BEGIN}\n67.9 % (band A): hand off\n")
    assert "\n+ size" in row["comment"]
    assert tryton.read(small)["conversion_probability"] == pytest.approx(share(-1.25), abs=1e-3)
    ((kind, _, detail),) = events(config, big)
    assert kind == "scored"
    assert round(detail["probability"], 4) == row["conversion_probability"]
    assert detail["reasons"]

    close(tryton, big, small)
    second = sync(config)
    assert {kind: n for kind, n in second["by_event"].items() if n} == {
        "handed_off": 2,
        "followed_up": 1,
        "won": 1,
        "lost": 1,
    }
    told = events(config, big)
    assert [kind for kind, *_ in told] == ["scored", "handed_off", "followed_up", "won"]
    assert told[3][2]["amount"] == 750
    assert told[1][1] <= told[2][1] <= told[3][1]
    assert all(abs(datetime.now(UTC) - at) < timedelta(minutes=5) for _, at, _ in told[:3])
    assert [kind for kind, *_ in events(config, small)] == ["scored", "handed_off", "lost"]

    before = [(tryton.read(lead), events(config, lead)) for lead in (big, small)]
    third = sync(config)
    assert (third["scored"], third["recorded"], *set(third["by_event"].values())) == (0, 0, 0)
    assert [(tryton.read(lead), events(config, lead)) for lead in (big, small)] == before


def close(tryton: Tryton, won: int, lost: int) -> None:
    for lead in (won, lost):
        tryton.lead("opportunity", [lead])
    tryton.sell(won, "750")
    tryton.lead("lost", [lost])
    assert [tryton.read(lead)["state"] for lead in (won, lost)] == ["won", "lost"]


def test_a_sync_killed_in_the_middle_goes_on(tryton: Tryton, company: Callable[..., Path]) -> None:
    leads = [tryton.make(10 * number, "Ads") for number in range(8)]
    config = company(pace=8.0)
    words = [sys.executable, "-m", "leadml", "crm", "tryton", "sync", "--config", str(config)]
    running = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    scored = [["id", "in", leads], ["comment", "like", "%leadml%"]]
    until(lambda: tryton.lead("search_count", scored) or running.poll() is not None)
    running.send_signal(signal.SIGKILL)
    running.wait()
    written = [tryton.writes(lead) for lead in leads]
    assert 0 < sum(written) < 8
    assert max(written) == 1
    config.write_text(TOML.format(url=tryton.url, pace=1000.0))
    done = sync(config)
    assert done["resumed"] is True
    assert [tryton.writes(lead) for lead in leads] == [1] * 8  # none lost, none twice
    assert [[kind for kind, *_ in events(config, lead)] for lead in leads] == [["scored"]] * 8
    assert sync(config)["written"] == 0


def test_what_a_salesperson_saves_meanwhile_is_not_written_over(
    tryton: Tryton, company: Callable[..., Path], tmp_path: Path
) -> None:
    first, second = (tryton.make(10, "Ads", comment="old") for _ in range(2))
    settings = load_settings(company())
    answer = {"probability": 0.42347, "band": "B"}
    with tryton_connector(settings) as connector:
        page = connector.page(None, str(first - 1))
        scores = [
            CrmScore(lead=lead, answer=answer, text="words", mark=f"{number:016x}")
            for number, lead in enumerate(page.leads)
        ]
        tryton.lead("write", [first], {"comment": "new"})
        assert [written.state for written in connector.write(scores)] == ["moved", "written"]
        assert tryton.read(first)["comment"] == "new"
        assert mark_in(tryton.read(second)["comment"]) == f"{1:016x}"
        assert [written.state for written in connector.write(scores)] == ["moved", "written"]
        assert tryton.writes(second) == 1  # the second time it was there already
        tryton.lead("write", [first], {"conversion_probability": 0.9})
        (again,) = connector.page(datetime.now(UTC) - timedelta(hours=1), str(first - 1)).leads[:1]
        bad = CrmScore(lead=again, answer={**answer, "probability": 7.0}, text="", mark="f" * 16)
        (refused,) = connector.write([bad])
        assert refused.state == "refused"
        assert 'for field "Conversion Probability"' in refused.problem
        later = datetime.now(UTC) + timedelta(hours=1)
        assert connector.page(later, None).leads == []


def test_a_tryton_that_asks_to_wait_is_waited_for(
    tryton: Tryton, company: Callable[..., Path]
) -> None:
    begun = datetime.now(UTC).isoformat()
    leads = [tryton.make(10, "Web") for _ in range(5)]
    with busy(tryton.url) as between:
        config = company(between.url)
        done = sync(config, "--since", begun)
    assert between.turned_away >= 2
    assert done["failed"] == 0
    assert [tryton.writes(lead) for lead in leads] == [1] * 5
    assert [[kind for kind, *_ in events(config, lead)] for lead in leads] == [["scored"]] * 5


def test_a_wrong_password_is_one_line(
    tryton: Tryton, company: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = company()
    monkeypatch.setenv("LEADML_TRYTON_PASSWORD", "a guess")
    done = CliRunner().invoke(main, ["crm", "tryton", "sync", "--config", str(config)])
    assert done.exit_code == 1
    assert re.fullmatch(r"leadml: http.* does not let 'leadml' in: check .*\n", done.stderr)
    assert "a guess" not in done.output


def test_a_field_that_tryton_does_not_have_is_named(
    tryton: Tryton, company: Callable[..., Path]
) -> None:
    config = company()
    config.write_text(config.read_text().replace('"party.name"', '"partie.name"'))
    done = CliRunner().invoke(main, ["crm", "tryton", "sync", "--config", str(config)])
    assert done.exit_code == 1
    assert "sale.opportunity of" in done.stderr
    assert "has no field 'partie'; did you mean party?" in done.stderr
