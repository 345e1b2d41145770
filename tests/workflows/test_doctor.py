"""Each thing that can be wrong is found, under its code, with what to do."""

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from leadml.domain.event import Event
from leadml.settings import Settings, load_settings
from leadml.store.ledger import Ledger
from leadml.workflows import doctor_installation as installation
from leadml.workflows.check_up import CODES, Check
from leadml.workflows.doctor import doctor
from leadml.workflows.doctor_models import champion_of, model_checks
from leadml.workflows.doctor_service import service_check
from leadml.workflows.keys import add_key

TRAINED = {
    "trained_at": "2026-01-01T00:00:00+00:00",
    "chosen": "additive",
    "leads": 90,
    "won": 30,
    "out_of_time": {"log_loss": 0.4, "auc": 0.7},
}
LATER = datetime(2026, 3, 2, tzinfo=UTC)
Make = Callable[..., Settings]


@pytest.fixture
def sound(make_model: Make) -> Settings:
    made = make_model(**TRAINED)
    return replace(made, store_url=f"sqlite:///{made.root / 'ledger.db'}")


def of(checks: Any, name: str) -> Check:
    (check,) = [check for check in checks if check.name == name]
    assert check.code is None or check.code in CODES
    assert bool(check.advice) == (check.status != "ok") == (check.code is not None)
    found: Check = check
    return found


class TestConfiguration:
    def test_without_one_nothing_else_is_looked_at(self, tmp_path: Path) -> None:
        (check,) = doctor(tmp_path / "none.toml")
        assert (check.status, check.code) == ("problem", "DOC001")

    def test_unknown_keys_are_named(self, tmp_path: Path) -> None:
        (tmp_path / "leadml.toml").write_text('[leads]\noutcom = "stage"\n')
        (check,) = doctor(tmp_path / "leadml.toml")
        assert "outcom is not a setting leadml knows; did you mean outcome?" in check.found

    @pytest.mark.parametrize(
        ("toml", "code"), [("", "DOC002"), ('[leads]\ntimezone = "UTC"\n', None)]
    )
    def test_the_time_zone_should_be_said(
        self, tmp_path: Path, toml: str, code: str | None
    ) -> None:
        (tmp_path / "leadml.toml").write_text(toml)
        settings = load_settings(tmp_path / "leadml.toml")
        assert of([installation.configuration_check(settings)], "configuration").code == code


class TestModels:
    def test_a_sound_champion(self, sound: Settings) -> None:
        checks = list(model_checks(sound, now=LATER))
        assert [check.status for check in checks] == ["ok", "ok", "ok"]
        told = "version 3 (additive, format 1) can serve; trained 60 days ago"
        assert of(checks, "champion").found == told
        assert champion_of(sound) == "3"

    def test_an_old_one(self, sound: Settings) -> None:
        on_the_day = datetime(2027, 1, 1, tzinfo=UTC)  # 365 days
        assert of(model_checks(sound, now=on_the_day), "champion").status == "ok"
        day_after = on_the_day + timedelta(days=1)
        assert of(model_checks(sound, now=day_after), "champion").code == "DOC007"

    def test_none(self, tmp_path: Path, sound: Settings) -> None:
        (tmp_path / "models" / "aliases.json").unlink()
        assert of(model_checks(sound), "champion").code == "DOC005"
        assert champion_of(sound) is None

    def test_one_that_was_changed(self, tmp_path: Path, sound: Settings) -> None:
        model = tmp_path / "models" / "versions" / "3" / "model.json"
        model.write_text(model.read_text() + " ")
        check = of(model_checks(sound), "champion")
        assert (check.status, check.code) == ("problem", "DOC005")
        assert str(model) in check.found

    def test_another_agreement_and_other_points(self, sound: Settings) -> None:
        then = sound.definition
        now = replace(
            then,
            agreement=replace(then.agreement, close_rate=0.5),
            points=replace(then.points, threshold=50.0),
        )
        checks = list(model_checks(replace(sound, definition=now), now=LATER))
        assert of(checks, "agreement").code == "DOC003"
        points = of(checks, "mapping and points")
        assert points.code == "DOC004"
        assert points.found == "changed since version 3 was trained: [points]"

    def test_a_challenger_that_cannot_serve(self, sound: Settings, tmp_path: Path) -> None:
        aliases = tmp_path / "models" / "aliases.json"
        known = aliases.read_text("utf-8").replace(
            '"champion"', '"challenger": {"version": "9", "bundle": "versions/9"}, "champion"'
        )
        aliases.write_text(known)
        assert of(model_checks(sound, now=LATER), "challenger").code == "DOC006"


class TestLedger:
    def test_one_that_is_still_to_be_made(self, sound: Settings) -> None:
        looked = installation.ledger_checks(sound)
        assert [check.status for check in looked.checks] == ["ok", "ok"]
        assert looked.condition is not None

    def test_one_that_can_be_used(self, sound: Settings) -> None:
        with Ledger.open(sound.store_url) as ledger:
            ledger.record([Event(event="handed_off", lead="L1", happened_at=LATER)])
        found = of(installation.ledger_checks(sound).checks, "ledger").found
        assert found == f"{sound.store_url} can be written; 1 events"

    def test_one_that_is_none(self, sound: Settings, tmp_path: Path) -> None:
        (tmp_path / "ledger.db").write_text("nothing of the kind" * 100)
        looked = installation.ledger_checks(sound)
        ledger = of(looked.checks, "ledger")
        assert (ledger.code, looked.condition) == ("DOC008", None)
        expected = "mend it: a service that starts meanwhile scores and records nothing"
        assert ledger.advice == expected

    def test_one_that_is_out_of_reach(
        self, sound: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("leadml.store.database.PATIENCE", 0.1)
        away = replace(sound, store_url="postgresql://ann@127.0.0.1:1/crm?connect_timeout=2")
        ledger = of(installation.ledger_checks(away).checks, "ledger")
        assert ledger.code == "DOC008"
        assert ledger.advice == "scores wait in the journal until it is back"

    def test_no_ledger_is_wanted(self, sound: Settings) -> None:
        looked = installation.ledger_checks(replace(sound, store_url=""))
        assert of(looked.checks, "ledger").status == "ok"

    def test_scores_that_wait_for_long(self, sound: Settings, tmp_path: Path) -> None:
        folder = tmp_path / sound.journal
        folder.mkdir()
        waiting = folder / "ab-1-cd-1.journal"
        waiting.write_bytes(b"x" * 2_000_000)
        assert of(installation.ledger_checks(sound).checks, "journal").status == "ok"
        os.utime(waiting, (1, 1))
        journal = of(installation.ledger_checks(sound).checks, "journal")
        assert journal.code == "DOC012"
        assert journal.found.startswith("1 files with 2 MB wait since ")
        waiting.write_bytes(b"")
        os.utime(waiting, (1, 1))
        assert of(installation.ledger_checks(sound).checks, "journal").status == "ok"


class TestDiskAndClock:
    @pytest.mark.parametrize(
        ("free", "status"),
        [(1_000_000_000, "ok"), (999_999_999, "warning"), (99_999_999, "problem")],
    )
    def test_the_least_room_counts(self, free: int, status: str) -> None:
        check = of([installation.disk_check({"models": 10**12, "ledger": free})], "disk")
        assert check.status == status
        assert check.found == f"{free / 1e6:,.0f} MB free at least: where ledger is kept"

    def test_room_is_looked_at_everywhere(self, sound: Settings) -> None:
        assert set(installation.room(sound)) == {"models", "journal", "ledger"}
        assert set(installation.room(replace(sound, store_url=""))) == {"models", "journal"}

    def test_a_clock_that_went_back(self, sound: Settings) -> None:
        ahead = datetime.now(UTC) + timedelta(hours=1)
        with Ledger.open(sound.store_url, clock=lambda: ahead) as ledger:
            ledger.record([Event(event="handed_off", lead="L1", happened_at=LATER)])
        condition = installation.ledger_checks(sound).condition
        check = of(installation.clock_checks(sound, condition), "clock")
        assert (check.status, check.code) == ("problem", "DOC013")

    def test_a_database_with_another_time(self, sound: Settings) -> None:
        condition = installation.ledger_checks(sound).condition
        assert condition is not None
        behind = replace(condition, database_clock=datetime.now(UTC) - timedelta(minutes=2))
        check = of(installation.clock_checks(sound, behind), "clock")
        assert check.code == "DOC014"
        assert "the database is 120 seconds behind" in check.found

    def test_clocks_that_agree(self, sound: Settings) -> None:
        check = of(installation.clock_checks(sound, None), "clock")
        assert check.found.startswith("agrees with the file system; ")
        assert "NTP" in check.found


class TestKeys:
    def test_none(self, sound: Settings) -> None:
        assert of([installation.keys_check(sound)], "keys").code == "DOC015"

    def test_of_environment_and_file(self, sound: Settings) -> None:
        add_key(sound, "crm", scopes=frozenset({"score"}))
        found = of([installation.keys_check(replace(sound, api_keys=("a", "b")))], "keys")
        assert (found.status, found.found) == ("ok", "1 in keys.json, 2 in LEADML_API_KEYS")

    def test_a_file_that_is_named_and_not_there(self, sound: Settings) -> None:
        named = replace(sound, serve=replace(sound.serve, keys="none.json"))
        check = of([installation.keys_check(named)], "keys")
        assert (check.status, check.code) == ("problem", "DOC016")
        assert (
            check.found
            == f"[serve] keys names {sound.root / 'none.json'}, and there is no such file"
        )

    @pytest.mark.parametrize(("mode", "status"), [(0o640, "warning"), (0o666, "problem")])
    def test_a_file_for_other_eyes(self, sound: Settings, mode: int, status: str) -> None:
        add_key(sound, "crm", scopes=frozenset({"score"}))
        sound.keys_file.chmod(mode)
        check = of([installation.keys_check(sound)], "keys")
        assert (check.status, check.code) == (status, "DOC016")


class TestService:
    def test_nobody_there(self) -> None:
        assert of([service_check("http://127.0.0.1:1", "3")], "service").code == "DOC017"

    def test_something_else(self, receiver: Any) -> None:
        assert of([service_check(receiver.url, "3")], "service").code == "DOC017"


def test_all_together(sound: Settings) -> None:
    names = [check.name for check in doctor(sound)]
    assert names == [
        "configuration",
        "champion",
        "agreement",
        "mapping and points",
        "ledger",
        "journal",
        "disk",
        "clock",
        "keys",
    ]
    assert not (sound.root / "ledger.db").exists()
    assert "service" in [check.name for check in doctor(sound, url="http://127.0.0.1:1")]
