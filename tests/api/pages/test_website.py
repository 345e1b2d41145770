"""Who may open which page, what its headers keep out, and what a form must bring along."""

import logging
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

from leadml.api.access.attempts import Attempts
from leadml.api.access.sessions import COOKIE
from leadml.api.application import create_app
from leadml.api.pages import press as press_module
from leadml.api.pages.press import NAVIGATION, Press
from leadml.domain.event import Event
from leadml.model.bundle import read_aliases, write_alias
from leadml.settings import load_settings

PAGES = ["/", "/leads", "/leads?lead=L1", "/leads/L1", "/comparison", "/models", "/agreement"]
PAGES += ["/webhooks"]
NEEDS_ADMIN = "/models/2/promote"
TOML = """
[store]
url = "sqlite:///ledger.db"

[leads]
timezone = "Europe/Berlin"

[sales_ready]
signed_by = ["Ada <i>", "Bo"]
"""
NASTY = "a/b <script>alert(1)</script>"


@pytest.fixture(scope="module")
def site_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("site")


@pytest.fixture(scope="module")
def site(site_root: Path, make_site: Callable[..., Any]) -> Iterator[Any]:
    """Return a server without keys, with a ledger of three leads."""
    with make_site(site_root, TOML) as server:
        ledger = server.app.state.ledger.open()
        at = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)
        detail = {"probability": 0.25, "band": "B", "reasons": [REASON], "sales_ready": True}
        scored = Event(event="scored", lead="L1", happened_at=at, owner='"><img>', detail=detail)
        handed = Event(event="handed_off", lead="L1", happened_at=at)
        rejection = {"reason": "wrong_person", "right_person": "Jo <i>"}
        rejected = Event(event="rejected", lead=NASTY, happened_at=at, detail=rejection)
        seventh = Event(event="accepted", lead="7", happened_at=at)
        receipts = ledger.record([scored, handed, rejected, seventh])
        assert {receipt.status for receipt in receipts} == {"recorded"}
        yield server


REASON = {
    "feature": "budget",
    "value": 9000,
    "effect": 0.4,
    "direction": "up",
    "text": "budget: ≥ 1,000: 41 % of 380 such leads closed, 22 % of all",
    "peers": None,
}


@pytest.fixture(scope="module")
def guarded_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("guarded")


@pytest.fixture(scope="module")
def reader(guarded_root: Path, make_key: Any) -> str:
    """Return a key of the keys file that may read."""
    return str(make_key(guarded_root, "ada", "read"))


@pytest.fixture(scope="module")
def guarded_site(guarded_root: Path, reader: str, make_site: Any) -> Iterator[Any]:
    """Return a server with a plain key, an administrator's, and one that may read."""
    keys = {"api_keys": ("plain",), "admin_keys": ("boss",)}
    with make_site(guarded_root, **keys) as server:
        yield server


def token_in(page: httpx2.Response) -> str:
    found = re.search(r'name="token" value="([^"]+)"', page.text)
    assert found
    return found[1]


def own(server: Any) -> dict[str, str]:
    """Return the header with which a browser says that a form is sent from our own page."""
    return {"Origin": server.url}


@contextmanager
def signed_in(server: Any, key: str) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=server.url, timeout=30) as client:
        form = {"token": token_in(client.get("/login")), "key": key, "next": "/models"}
        answer = client.post("/login", data=form, headers=own(server))
        assert (answer.status_code, answer.headers["Location"]) == (303, "/models")
        yield client


class TestWithoutKeys:
    @pytest.mark.parametrize("path", PAGES)
    def test_every_page_is_shown_to_this_machine(self, site: Any, path: str) -> None:
        answer = site.client.get(path)
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        assert "<h1>" in answer.text
        assert "Sign out" not in answer.text

    @pytest.mark.parametrize("path", [*PAGES, "/report", "/login"])
    def test_a_name_that_may_be_rebound_is_shown_nothing(self, site: Any, path: str) -> None:
        answer = site.client.get(path, headers={"Host": "example.com"})
        assert answer.status_code == 403
        assert "L1" not in answer.text

    def test_there_is_nothing_to_sign_in_to(self, site: Any) -> None:
        for path in ("/login", "/logout"):
            answer = site.client.get(path)
            assert (answer.status_code, answer.headers["Location"]) == (303, "/")

    def test_whoever_sits_here_may_change_what_serves(self, site: Any) -> None:
        assert "Make version 2 champion?" in site.client.get(NEEDS_ADMIN).text


class TestHeaders:
    @pytest.mark.parametrize("path", [*PAGES, "/leads/nobody", "/models/9/promote"])
    def test_nothing_but_our_own_style_may_be_loaded_or_run(self, site: Any, path: str) -> None:
        headers = site.client.get(path).headers
        policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
        assert policy["default-src"] == "'none'"
        assert re.fullmatch(r"'sha256-[\w+/]{43}='", policy["style-src"])
        assert policy["form-action"] == "'self'"
        assert policy["base-uri"] == policy["frame-ancestors"] == "'none'"
        assert not {"script-src", "style-src-attr", "connect-src"} & policy.keys()
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert headers["Cache-Control"] == "no-store"

    def test_the_description_of_the_api_is_kept_to_itself_too(self, site: Any) -> None:
        headers = site.client.get("/docs").headers
        assert headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'uns")
        assert headers["X-Content-Type-Options"] == "nosniff"

    def test_pages_hold_no_script_and_nothing_from_elsewhere(self, site: Any) -> None:
        for path in PAGES:
            page = site.client.get(path).text
            assert "<script" not in page
            assert not re.findall(r'(?:src|href|action)="(?!/|#|data:)', page)


class TestAccess:
    @pytest.mark.parametrize("path", [*PAGES, "/report", NEEDS_ADMIN])
    def test_who_is_not_signed_in_is_led_to_where_to_sign_in(
        self, guarded_site: Any, path: str
    ) -> None:
        answer = guarded_site.client.get(path)
        assert answer.status_code == 303
        then = httpx2.URL(answer.headers["Location"])
        assert (then.path, dict(then.params)) == ("/login", {"next": path})

    def test_programs_are_told_that_a_key_is_missing(self, guarded_site: Any) -> None:
        for path in ("/report.json", "/v1/model", "/nowhere"):
            answer = guarded_site.client.get(path)
            assert answer.status_code == 401
            assert answer.headers["WWW-Authenticate"] == "Bearer"

    def test_a_key_sent_along_opens_pages_too(self, guarded_site: Any, reader: str) -> None:
        answer = guarded_site.client.get("/agreement", headers={"X-API-Key": reader})
        assert answer.status_code == 200

    def test_a_session_opens_pages_and_not_the_api(self, guarded_site: Any, reader: str) -> None:
        with signed_in(guarded_site, reader) as client:
            for path in PAGES[:2]:
                assert client.get(path).status_code == 200
            assert client.get("/v1/model").status_code == 401
            assert client.post("/v1/score", json={"lead": {}}).status_code == 401

    def test_a_key_that_may_not_read_is_told_so_and_how_to_get_one(self, guarded_site: Any) -> None:
        page = guarded_site.client.get("/login")
        assert "scope read" in page.text
        form = {"token": token_in(page), "key": "plain", "next": "/"}
        answer = guarded_site.client.post("/login", data=form, headers=own(guarded_site))
        assert (answer.status_code, answer.headers.get("Set-Cookie")) == (403, None)
        told = answer.text.replace("\u2011", "-")
        assert "they need the scope read, and it has events, score" in told
        assert "leadml keys add NAME --scopes read" in told
        refused = guarded_site.client.get("/agreement", headers={"X-API-Key": "plain"})
        assert refused.status_code == 403

    def test_the_cookie_is_for_our_own_pages_and_holds_no_key(
        self, guarded_site: Any, reader: str
    ) -> None:
        page = guarded_site.client.get("/login")
        form = {"token": token_in(page), "key": f" {reader} ", "next": "/"}
        for scheme, secure in (("http", False), ("https", True)):
            headers = own(guarded_site) | {"X-Forwarded-Proto": scheme}
            answer = guarded_site.client.post("/login", data=form, headers=headers)
            guarded_site.client.cookies.clear()
            cookie = answer.headers["Set-Cookie"]
            assert cookie.startswith(f"{COOKIE}=")
            assert reader.rpartition("_")[2] not in cookie
            for part in ("HttpOnly", "SameSite=strict", "Path=/", "Max-Age=43200"):
                assert part in cookie.split("; ")
            assert ("Secure" in cookie.split("; ")) is secure

    @pytest.mark.parametrize(
        ("then", "where"),
        [
            ("/leads?lead=a%2Fb", "/leads?lead=a%2Fb"),
            ("//example.com", "/"),
            ("/\\example.com", "/"),
            ("https://example.com/", "/"),
            ("/\nSet-Cookie: x=1", "/"),
            ("javascript:alert(1)", "/"),
            ("", "/"),
        ],
    )
    def test_signing_in_leads_on_within_this_site_alone(
        self, guarded_site: Any, reader: str, then: str, where: str
    ) -> None:
        page = guarded_site.client.get("/login", params={"next": then})
        assert f'name="next" value="{where}"' in page.text
        form = {"token": token_in(page), "key": reader, "next": then}
        answer = guarded_site.client.post("/login", data=form, headers=own(guarded_site))
        guarded_site.client.cookies.clear()
        assert answer.headers["Location"] == where

    def test_signing_out_ends_the_session_even_for_who_kept_the_cookie(
        self, guarded_site: Any, reader: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        with signed_in(guarded_site, reader) as client, caplog.at_level(logging.INFO):
            cookie = client.cookies[COOKIE]
            page = client.get("/logout")
            assert "Sign out" in page.text
            form = {"token": token_in(page)}
            answer = client.post("/logout", data=form, headers=own(guarded_site))
            assert (answer.status_code, answer.headers["Location"]) == (303, "/login")
            assert COOKIE not in client.cookies
            client.cookies.set(COOKIE, cookie)
            assert client.get("/").status_code == 303
        assert "audit: ada signed out" in caplog.text

    def test_changing_what_serves_needs_an_administrator(
        self, guarded_site: Any, reader: str
    ) -> None:
        with signed_in(guarded_site, reader) as client:
            models = client.get("/models").text
            assert NEEDS_ADMIN not in models
            assert "LEADML_ADMIN_KEYS" in models
            for answer in (
                client.get(NEEDS_ADMIN),
                client.post(NEEDS_ADMIN, data={"token": "x"}, headers=own(guarded_site)),
            ):
                assert answer.status_code == 403
                assert "needs the scope admin" in answer.text.replace("\u2011", "-")
        with signed_in(guarded_site, "boss") as client:
            assert NEEDS_ADMIN in client.get("/models").text

    def test_guessing_is_slowed_down(
        self, guarded_site: Any, reader: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        guarded_site.app.state.attempts = Attempts(lambda: 0.0)
        form = {"token": token_in(guarded_site.client.get("/login")), "next": "/"}

        def attempt(key: str) -> httpx2.Response:
            sent = form | {"key": key}  # from an address that it makes up, so it says
            said = {"X-Forwarded-For": f"192.0.2.{len(key)}"}
            return guarded_site.client.post("/login", data=sent, headers=own(guarded_site) | said)

        try:
            answers = [attempt(f"guess-{10**n}") for n in range(5)]
            assert [answer.status_code for answer in answers] == [403] * 5
            assert "This key is not known" in answers[0].text
            assert 'aria-invalid="true" aria-describedby="problem hint"' in answers[0].text
            assert "guess-1" not in answers[0].text
            late = attempt(reader)  # even the right one has to wait
            assert (late.status_code, late.headers["Retry-After"]) == (429, "1")
            assert "Wait 1 second, then try again." in late.text
        finally:
            guarded_site.app.state.attempts = Attempts()
        assert "guess" not in caplog.text


class TestForms:
    def promote(self, site: Any, headers: dict[str, str], token: str | None = None) -> Any:
        page = site.client.get(NEEDS_ADMIN)
        form = {"token": token_in(page) if token is None else token, "serving": "1"}
        return site.client.post(NEEDS_ADMIN, data=form, headers=headers)

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"Origin": "http://evil.example"},
            {"Origin": "null"},
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
            {"Sec-Fetch-Site": "none"},
        ],
    )
    def test_a_form_of_another_site_changes_nothing(
        self, site: Any, site_root: Path, headers: dict[str, str]
    ) -> None:
        answer = self.promote(site, headers)
        assert answer.status_code == 403
        assert "not sent from a page of this site" in answer.text
        assert read_aliases(site_root / "models")["champion"]["version"] == "1"

    def test_what_the_browser_says_of_the_site_outweighs_the_origin(self, site: Any) -> None:
        headers = own(site) | {"Sec-Fetch-Site": "cross-site"}
        assert self.promote(site, headers).status_code == 403

    @pytest.mark.parametrize("token", ["", "guess", "é"])
    def test_a_form_without_its_token_changes_nothing(
        self, site: Any, site_root: Path, token: str
    ) -> None:
        answer = self.promote(site, own(site), token)
        assert answer.status_code == 403
        assert "this form is no longer valid" in answer.text.casefold()
        assert read_aliases(site_root / "models")["champion"]["version"] == "1"

    def test_another_sessions_token_does_not_fit(self, guarded_site: Any) -> None:
        with signed_in(guarded_site, "boss") as one, signed_in(guarded_site, "boss") as other:
            form = {"token": token_in(other.get(NEEDS_ADMIN)), "serving": "1"}
            answer = one.post(NEEDS_ADMIN, data=form, headers=own(guarded_site))
            assert answer.status_code == 403

    @pytest.mark.parametrize(
        ("content", "kind", "status"),
        [
            (b"{}", "application/json", 415),
            (b"token=" + b"x" * 10_000, "application/x-www-form-urlencoded", 413),
            (b"&".join([b"a=1"] * 30), "application/x-www-form-urlencoded", 400),
            ("key=ä".encode(), "application/x-www-form-urlencoded", 400),
        ],
    )
    def test_what_is_no_small_form_is_refused(
        self, site: Any, content: bytes, kind: str, status: int
    ) -> None:
        headers = own(site) | {"Content-Type": kind}
        assert site.client.post(NEEDS_ADMIN, content=content, headers=headers).status_code == status

    def test_a_champion_that_changed_meanwhile_is_asked_for_again(
        self, site: Any, site_root: Path
    ) -> None:
        page = site.client.get(NEEDS_ADMIN)
        form = {"token": token_in(page), "serving": "7"}
        answer = site.client.post(NEEDS_ADMIN, data=form, headers=own(site))
        assert answer.status_code == 409
        assert "The champion has changed since you were asked" in answer.text
        assert read_aliases(site_root / "models")["champion"]["version"] == "1"

    def test_a_version_that_was_damaged_meanwhile_is_refused_and_the_champion_serves_on(
        self, site: Any, site_root: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        page = site.client.get(NEEDS_ADMIN)
        path = site_root / "models" / "versions" / "2" / "model.json"
        whole = path.read_bytes()
        path.write_bytes(whole[:-1])
        try:
            form = {"token": token_in(page), "serving": "1"}
            with caplog.at_level(logging.INFO, "leadml.api"):
                answer = site.client.post(NEEDS_ADMIN, data=form, headers=own(site))
        finally:
            path.write_bytes(whole)
        assert answer.status_code == 502
        assert 'role="alert"' in answer.text
        assert "model.json was changed since the bundle was sealed" in answer.text
        assert "<h1>Version 1 serves.</h1>" in answer.text
        assert str(site_root) not in answer.text
        told = "audit: this machine asked for version 2 as champion, version 1 serves: models/vers"
        assert told in caplog.text

    def test_a_version_that_is_not_there_or_serves_already_is_not_asked_for(
        self, site: Any
    ) -> None:
        assert site.client.get("/models/9/promote").status_code == 404
        answer = site.client.get("/models/1/promote")
        assert (answer.status_code, answer.headers["Location"]) == (303, "/models")


class TestLead:
    def test_its_scores_and_reasons_in_the_configured_zone(self, site: Any) -> None:
        page = site.client.get("/leads/L1").text
        assert '<time datetime="2026-03-01T23:30:00+00:00">2026-03-02 00:30</time>' in page
        assert "Times are in Europe/Berlin." in page
        assert "≥ 1,000: 41 % of 380 such leads closed, 22 % of all" in page
        assert '<data value="0.25">25.0\u202f%</data>' in page
        assert "handed off" in page

    def test_what_leads_are_called_is_shown_as_text(self, site: Any) -> None:
        assert "&#34;&gt;&lt;img&gt;" in site.client.get("/leads/L1").text
        for answer in (
            site.client.get("/leads", params={"lead": f" {NASTY} "}),
            site.client.get("/leads/a%2Fb%20%3Cscript%3Ealert(1)%3C%2Fscript%3E"),
        ):
            assert answer.status_code == 200
            assert "<script" not in answer.text
            assert "<h1>a/b &lt;script&gt;alert(1)&lt;/script&gt;</h1>" in answer.text
            assert "Jo &lt;i&gt;" in answer.text
            assert "wrong person" in answer.text

    @pytest.mark.parametrize(
        "path", ["/leads/7.0", "/leads?lead=7.0", "/leads/%207%20", "/leads/7"]
    )
    def test_ids_are_spelt_as_the_api_spells_them(self, site: Any, path: str) -> None:
        answer = site.client.get(path)
        assert answer.status_code == 200
        assert "<h1>7</h1>" in answer.text
        told = site.client.get(
            path.replace("/leads?lead=", "/leads/").replace("/leads", "/v1/leads")
        )
        assert told.json()["lead"] == "7"

    def test_no_id_at_all_is_asked_for(self, site: Any) -> None:
        for path in ("/leads/", "/leads?lead=", "/leads?lead=%20"):
            answer = site.client.get(path)
            assert answer.status_code == 200
            assert "<h1>Look up a lead</h1>" in answer.text

    @pytest.mark.parametrize("asked", ["l1", "a\x00b", "<script>x</script>", "x" * 3_000])
    def test_an_unknown_one_is_told_and_asked_for_again(self, site: Any, asked: str) -> None:
        answer = site.client.get("/leads", params={"lead": asked})
        assert answer.status_code == 404
        assert 'role="alert"' in answer.text
        assert "<script" not in answer.text
        assert len(answer.text) < 30_000

    def test_no_lead_is_named_in_the_log(self, site: Any, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.INFO, "leadml.api"):
            site.client.get("/leads/jane")
            site.client.get("/leads?lead=jane")
            for _ in range(3):
                site.client.get("/healthz")
        told = [r.getMessage() for r in caplog.records if r.name == "leadml.api"]
        assert any(message.startswith("GET /leads/{lead} 404") for message in told)
        assert any(message.startswith("GET /leads 404") for message in told)
        assert "jane" not in "".join(told)


class TestReport:
    """What is made apart, here by a stand-in for the process: how it is handed out."""

    @pytest.fixture
    def pressing(self, site: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
        """Serve a report that is finished when the event is set."""
        go = threading.Event()

        def make(_: Path) -> dict[str, Any]:
            go.wait(20)
            values = {"verdict": "meets", "verdict_text": "They <meet>.", "share": 0.5}
            return {"values": values, "page": f"<body>{NAVIGATION}<p>report</p></body>"}

        kept = site.app.state.report
        site.app.state.report = Press(Path("leadml.toml"), lambda _: (1, "same"), make)
        monkeypatch.setattr(press_module, "PATIENCE", 0.0)
        yield go
        go.set()
        site.app.state.report = kept

    def finished(self, site: Any, path: str, **headers: str) -> httpx2.Response:
        answer = site.client.get(path, headers=headers)
        while answer.status_code == 202:
            answer = site.client.get(path, headers=headers)
        return answer

    def test_while_it_is_made_a_page_says_so_and_looks_again(
        self, site: Any, pressing: threading.Event
    ) -> None:
        answer = site.client.get("/report")
        assert (answer.status_code, answer.headers["Refresh"]) == (202, "3")
        assert "This page is being made." in answer.text
        assert '<a href="/report">Look again now</a>' in answer.text
        answer = site.client.get("/report.json")
        assert (answer.status_code, answer.headers["Retry-After"]) == (202, "3")
        pressing.set()
        page = self.finished(site, "/report").text
        assert "<p>report</p>" in page
        assert NAVIGATION not in page
        assert 'href="/report" aria-current="page"' in page
        assert self.finished(site, "/report.json").json()["share"] == 0.5

    def test_browsers_ask_whether_theirs_still_holds(
        self, site: Any, pressing: threading.Event
    ) -> None:
        pressing.set()
        for path in ("/report", "/report.json"):
            whole = self.finished(site, path)
            assert whole.headers["Cache-Control"] == "private, no-cache"
            same = site.client.get(path, headers={"If-None-Match": whole.headers["ETag"]})
            assert (same.status_code, same.content) == (304, b"")
            assert same.headers["ETag"] == whole.headers["ETag"]
            other = site.client.get(path, headers={"If-None-Match": '"other"'})
            assert other.status_code == 200

    def test_charts_may_carry_their_colours(self, site: Any, pressing: threading.Event) -> None:
        pressing.set()
        policy = self.finished(site, "/report").headers["Content-Security-Policy"]
        assert policy.endswith("; style-src-attr 'unsafe-inline'")
        assert policy.startswith("default-src 'none'; style-src 'sha256-")

    def test_the_overview_tells_the_verdict_once_it_is_known(
        self, site: Any, pressing: threading.Event
    ) -> None:
        assert "They &lt;meet&gt;." not in site.client.get("/").text
        pressing.set()
        self.finished(site, "/report")
        assert '<span class="tag meets">They &lt;meet&gt;.</span>' in site.client.get("/").text


class TestOtherPages:
    def test_the_overview_tells_what_serves_and_how_much_the_ledger_holds(self, site: Any) -> None:
        page = site.client.get("/").text
        assert "<h1>Version 1 scores leads.</h1>" in page
        assert '<dt>leads</dt><dd><data value="3">3</data>' in page
        assert '<dt>hand-offs</dt><dd><data value="1">1</data>' in page

    def test_the_agreement_with_its_hash_and_whether_the_champion_keeps_it(
        self, site: Any, site_root: Path
    ) -> None:
        page = site.client.get("/agreement").text
        agreement = load_settings(site_root / "leadml.toml").definition.agreement
        assert f'<code class="hash">{agreement.hash()}</code>' in page
        assert "Ada &lt;i&gt;, Bo" in page
        assert "trained under another agreement" in page

    def test_versions_as_they_are_listed_and_a_damaged_one_told(
        self, site: Any, site_root: Path
    ) -> None:
        path = site_root / "models" / "versions" / "2" / "model.json"
        whole = path.read_bytes()
        path.write_bytes(whole[:-1])
        try:
            page = site.client.get("/models").text
            answer = site.client.get(NEEDS_ADMIN)
        finally:
            path.write_bytes(whole)
        assert "models/versions/2/model.json was changed since the bundle was sealed" in page
        assert str(site_root) not in page
        assert 'href="/models/2/promote"' not in page
        assert answer.status_code == 303
        assert 'href="/models/2/promote"' in site.client.get("/models").text

    def test_what_changed_is_only_told_where_it_is_so(self, site: Any) -> None:
        assert "Version 1 serves now." in site.client.get("/models?changed=1").text
        assert "serves now" not in site.client.get("/models?changed=2").text

    def test_without_a_ledger_a_configuration_or_a_model_pages_still_answer(
        self, tmp_path: Path, make_settings: Any, serve_app: Any
    ) -> None:
        settings = replace(make_settings(tmp_path), store_url="")
        with serve_app(create_app(settings)) as server:
            assert "No model serves." in server.client.get("/").text
            assert "It cannot be read now." in server.client.get("/").text
            assert "Scores are not recorded" not in server.client.get("/").text  # as was wanted
            assert "There is no version yet." in server.client.get("/models").text
            assert server.client.get("/comparison").status_code == 200
            assert server.client.get("/leads/L1").status_code == 503
            assert server.client.get("/report").status_code == 503
            answer = server.client.get("/report.json")
            assert (answer.status_code, list(answer.json())) == (503, ["detail"])
            assert server.client.get("/comparison/evaluation").status_code == 503

    def test_an_empty_ledger_has_no_report_yet(self, guarded_site: Any, reader: str) -> None:
        key = {"X-API-Key": reader}
        answer = guarded_site.client.get("/report", headers=key)
        assert answer.status_code == 200
        assert "There is nothing to report yet." in answer.text
        answer = guarded_site.client.get("/report.json", headers=key)
        assert answer.status_code == 404
        assert "leadml ledger import" in answer.json()["detail"]

    def test_an_evaluation_that_was_never_written_is_not_found(self, site: Any) -> None:
        answer = site.client.get("/comparison/evaluation")
        assert answer.status_code == 404
        assert "leadml evaluate" in answer.text

    def test_a_page_that_fails_is_readable_and_tells_nothing_of_why(
        self, site: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr(site.app.state, "evaluation", None)
        answer = site.client.get("/comparison/evaluation")
        assert answer.status_code == 500
        assert "<h1>This page failed; the log of the service says where.</h1>" in answer.text
        assert "GET /comparison/evaluation: AttributeError at " in caplog.text

    def test_a_configuration_that_broke_is_told(self, site: Any, site_root: Path) -> None:
        path = site_root / "leadml.toml"
        whole = path.read_text()
        path.write_text("[leads")
        try:
            answer = site.client.get("/agreement")
        finally:
            path.write_text(whole)
        assert answer.status_code == 503
        assert "<h1>leadml.toml is not valid TOML" in answer.text  # no folder of the server


def test_previous_champions_are_remembered(site_root: Path, site: Any) -> None:
    models = site_root / "models"
    write_alias(models, "champion", "2")
    try:
        site.app.state.champion.load()
        page = site.client.get("/models").text
        assert '<a class="button" href="/models/1/promote">Roll back to version 1</a>' in page
        asked = site.client.get("/models/1/promote").text
        assert "Roll back to version 1?" in asked
        assert '<button type="submit">Roll back to version 1</button>' in asked
    finally:
        write_alias(models, "champion", "1")
        site.app.state.champion.load()


def test_webhooks_are_in_the_bar_of_every_page_where_there_are_any(
    tmp_path: Path, make_site: Callable[..., Any], site: Any
) -> None:
    assert 'href="/webhooks"' not in site.client.get("/models").text
    with make_site(tmp_path, '[webhooks.crm]\nurl = "https://crm.example.com/"\n') as server:
        assert '<a href="/webhooks">Webhooks</a>' in server.client.get("/models").text
        shown = server.client.get("/webhooks").text
    assert '<a href="/webhooks" aria-current="page">Webhooks</a>' in shown
