"""leadml.toml: read into one frozen value, or refused in one line that names key and remedy."""

import tomllib
from dataclasses import FrozenInstanceError
from datetime import date
from pathlib import Path

import pytest

from leadml.domain.definition import Definition
from leadml.domain.event import REJECTIONS
from leadml.domain.handoff import HandoffPolicy
from leadml.domain.mapping import LeadMapping
from leadml.domain.points_table import PointsTable, Rule
from leadml.domain.targets import Targets
from leadml.errors import ConfigError
from leadml.settings import Settings, keys_from, load_settings, secret_from, settings_from

ROOT = Path("/company")


def read(text: str) -> Settings:
    return settings_from(tomllib.loads(text), path=ROOT / "leadml.toml")


def test_monotonic_needs_points_rules() -> None:
    rule = '[[points.rules]]\nname = "big"\npoints = 5\ncolumn = "size"\nat_least = 10\n'
    assert read("").model.monotonic == "no"
    assert read(f'{rule}[model]\nmonotonic = "points"').model.monotonic == "points"
    with pytest.raises(ConfigError, match=r"\[model\]: monotonic = \"points\" .* there are none"):
        read('[model]\nmonotonic = "points"')
    with pytest.raises(ConfigError, match=r"\[model\]: monotonic must be one of"):
        read("[model]\nmonotonic = true")


def test_the_form_of_the_model() -> None:
    assert read("").model.form == "any"
    assert read('[model]\nform = "additive"').model.form == "additive"
    with pytest.raises(ConfigError, match=r"\[model\]: form must be one of 'any', 'additive'"):
        read('[model]\nform = "tree"')


def test_an_empty_file_holds_the_defaults() -> None:
    settings = read("")
    assert settings.definition == Definition()
    assert (settings.root, settings.models) == (ROOT, ROOT / "models")
    assert settings.store_url == "sqlite:////company/leadml.db"
    assert settings.tracking_uri == "sqlite:////company/models/mlflow.db"


def test_a_whole_file() -> None:
    settings = read(
        """
        [leads]
        id = "lead_id"
        outcome = "stage"
        won = ["Closed Won", 1, true, 1.5]
        margin_amount = "profit"
        timezone = "Europe/Berlin"
        missing = []
        [activities]
        detail = "page"
        [sales_ready]
        effective_from = 2026-01-31
        signed_by = ["Ann"]
        close_rate = 0.25
        horizon_days = 60
        [handoff]
        policy = "capacity"
        capacity = 25
        [points]
        threshold = 80
        caps = { fit = 40, total = 90 }
        [points.buckets]
        A = 80
        [[points.rules]]
        name = "size"
        points = 10
        column = "size"
        in = ["large", 5]
        [[points.rules]]
        name = "prices"
        group = "page"
        points = 2.5
        activity = "view"
        detail = "/pricing*"
        """
    ).definition
    assert settings.leads == LeadMapping(
        id="lead_id",
        outcome="stage",
        won=("Closed Won", 1, True, 1.5),
        margin_amount="profit",
        timezone="Europe/Berlin",
        missing=(),
    )
    assert settings.leads.won[2] is True  # not 1
    assert (settings.activities.detail, settings.activities.lead) == ("page", "lead_id")
    assert settings.agreement.effective_from == date(2026, 1, 31)
    assert (settings.agreement.horizon_days, settings.agreement.signed_by) == (60.0, ("Ann",))
    assert settings.handoff == HandoffPolicy(policy="capacity", capacity=25.0)
    assert settings.points == PointsTable(
        threshold=80.0,
        caps={"fit": 40.0, "total": 90.0},
        buckets={"A": 80.0},
        rules=(
            Rule(name="size", points=10.0, column="size", one_of=("large", 5)),
            Rule(name="prices", group="page", points=2.5, activity="view", detail="/pricing*"),
        ),
    )


@pytest.mark.parametrize(("text", "days"), [("0.5", 0.5), ('"1/24"', 1 / 24), ('"3 / 2"', 1.5)])
def test_days_may_be_fractions(text: str, days: float) -> None:
    assert read(f"[sales_ready]\nsnapshot_days = {text}").definition.agreement.snapshot_days == days


def test_the_unit_and_the_grace_of_the_verdict() -> None:
    agreed = read('[sales_ready]\nunit = "account"\ngrace_days = 7').definition.agreement
    assert (agreed.unit, agreed.grace_days) == ("account", 7.0)


RULE = '[[points.rules]]\nname = "a"\npoints = 1\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        # unknown keys, with the nearest one
        ("[lead]", "leadml.toml: lead is not a section leadml knows; did you mean leads?"),
        ("[zzz]", "zzz is not a section leadml knows; known: leads, activities, history"),
        ('[leads]\noutcom = "x"', "[leads]: outcom is not a setting leadml knows; did you mean"),
        ("[sales_ready]\nhorizon = 90", "horizon is not a setting leadml knows; did you mean"),
        ("[points]\nthreshhold = 1", "[points]: threshhold is not a setting leadml knows; did you"),
        (RULE + 'colum = "c"', "[points.rules 1 'a']: colum is not a setting leadml knows; did"),
        (RULE + 'column = "c"\none_of = [1]', "[points.rules 1]: one_of is not a setting"),
        # values of the wrong type
        ("leads = 3", "[leads] must be a table of settings, found 3"),
        ("[leads]\nid = 5", "[leads]: id must be a text in quotes, found 5"),
        ('[leads]\nwon = "Won"', "[leads]: won must be a list, found 'Won'"),
        ("[leads]\nwon = [[1]]", "[leads]: won must be a list, found [[1]]"),
        ("[sales_ready]\nclose_rate = true", "close_rate must be a number, found True"),
        ('[sales_ready]\nclose_rate = "0.3"', "close_rate must be a number, found '0.3'"),
        ("[sales_ready]\nclose_rate = nan", "close_rate must be a number, found nan"),
        ('[sales_ready]\nhorizon_days = "90"', "horizon_days must be a number, found '90'"),
        ('[sales_ready]\nclose_rate = "1/3"', "close_rate must be a number, found '1/3'"),
        ('[sales_ready]\neffective_from = "2026-01-01"', "a date like 2026-01-31 (no quotes)"),
        ("[sales_ready]\neffective_from = 2026-01-01T00:00:00", "a date like 2026-01-31"),
        ('[sales_ready]\ncounts = "all"', "counts must be one of 'followed_up', 'handed_off'"),
        (RULE + 'column = "c"\npresent = "yes"', "present must be true or false, found 'yes'"),
        (RULE + 'column = "c"\nbetween = [1, 2, 3]', "between must be a list of two numbers"),
        ('[points]\ncaps = { fit = "x" }', "caps must be a table of name = number"),
        ("[points]\nrules = 3", "write points rules as [[points.rules]] tables"),
        ('[[points.rules]]\nname = "a"\ncolumn = "c"', "points is missing; give it a number"),
        # values out of range, and what contradicts itself
        ("[sales_ready]\nhorizon_days = 0", "[sales_ready]: horizon_days must be above 0 days"),
        ("[handoff]\nexplore = 0.3", "[handoff]: explore must be a share from 0 to 0.2, found 0.3"),
        ('[handoff]\npolicy = "capacity"', "give capacity, the number of leads a week, such as"),
        (
            '[handoff]\npolicy = "best"',
            "one of 'group', 'each', 'capacity', 'profit', found 'best'",
        ),
        ("[handoff]\nper_rep = true", "per_rep = true needs to know whose lead it is: map owner"),
        ('[handoff]\npolicy = "profit"', "map amount or margin_amount under [leads], or choose"),
        (RULE, "rule 'a': give exactly one of column and activity"),
        ('[leads]\nmargin = "a"\nmargin_amount = "b"', "give margin (a fraction) or margin_amount"),
        ('[leads]\nid = ""', "[leads]: id is empty: name a column, or leave id out"),
        ('[leads]\ntimezone = "Europe/Berlim"', "is not known; did you mean Europe/Berlin?"),
        ('[leads]\ndecimal = ";"', "[leads]: decimal must be one of '.', ',', found ';'"),
        ('[leads]\ntimezone = "../etc"', "use an IANA name such as Europe/Berlin"),
    ],
)
def test_a_mistake_is_refused_in_one_line(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        read(text)
    assert message in str(refusal.value)
    assert str(refusal.value).startswith("leadml.toml")
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("sqlite:///a/b.db", "sqlite:////company/a/b.db"),
        ("sqlite:////srv/b.db", "sqlite:////srv/b.db"),
        ("sqlite:///:memory:", "sqlite:///:memory:"),
        ("http://host:5000", "http://host:5000"),
        ("postgresql://user:word@host/db", "postgresql://user:word@host/db"),
        ("mlruns", "/company/mlruns"),
    ],
)
def test_relative_places_are_relative_to_the_file(uri: str, expected: str) -> None:
    assert read(f'[tracking]\nuri = "{uri}"').tracking_uri == expected
    assert read(f'[store]\nurl = "{uri}"').store_url == expected


class TestFiles:
    def test_beside_the_caller_by_default(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "leadml.toml").write_text('[leads]\nid = "x"')
        monkeypatch.chdir(tmp_path)
        settings = load_settings()
        assert settings.definition.leads.id == "x"
        assert settings.root == tmp_path.resolve()

    def test_a_named_file_and_its_folder(self, tmp_path: Path) -> None:
        path = tmp_path / "other.toml"
        path.write_text("")
        settings = load_settings(str(path))
        assert (settings.path, settings.models) == (path, tmp_path / "models")

    def test_settings_are_taken_as_they_are(self) -> None:
        settings = Settings(definition=Definition(), root=ROOT)
        assert load_settings(settings) is settings

    def test_a_mark_of_byte_order_is_no_mistake(self, tmp_path: Path) -> None:
        path = tmp_path / "leadml.toml"
        path.write_bytes(b'\xef\xbb\xbf[leads]\nid = "x"')
        assert load_settings(path).definition.leads.id == "x"

    def test_none_there(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=r"write one with `leadml init EXPORT\.csv`, or name"):
            load_settings(tmp_path / "leadml.toml")

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"[leads", "is not valid TOML"),
            (b"\xff\xfe[\x00", "cannot be read as UTF-8 text"),
            (b"a = 1\na = 2", "is not valid TOML"),
        ],
    )
    def test_no_toml(self, tmp_path: Path, content: bytes, message: str) -> None:
        path = tmp_path / "leadml.toml"
        path.write_bytes(content)
        with pytest.raises(ConfigError, match=message) as refusal:
            load_settings(path)
        assert "\n" not in str(refusal.value)

    def test_a_folder(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="cannot be read as UTF-8 text"):
            load_settings(tmp_path)


class TestKeys:
    def test_comma_separated(self) -> None:
        keys = {"LEADML_API_KEYS": " first ,, sécond,"}
        assert keys_from(keys, "LEADML_API_KEYS") == ("first", "sécond")
        assert keys_from(keys, "LEADML_ADMIN_KEYS") == ()

    def test_from_the_environment_and_never_printed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("LEADML_API_KEYS", "s3cret")
        settings = read("")
        assert settings.api_keys == ("s3cret",)
        assert "s3cret" not in repr(settings)

    def test_admin_keys_too(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("LEADML_API_KEYS", "plain")
        monkeypatch.setenv("LEADML_ADMIN_KEYS", "ch1ef, other")
        settings = read("")
        assert (settings.api_keys, settings.admin_keys) == (("plain",), ("ch1ef", "other"))
        assert "ch1ef" not in repr(settings)

    def test_the_keys_file_lies_beside_the_configuration_unless_named(self) -> None:
        assert read("").keys_file.name == "keys.json"
        assert read("").keys_file.parent == read("").root
        assert read('[serve]\nkeys = "secret/k.json"').keys_file == read("").root / "secret/k.json"

    def test_proxies_are_trusted_only_where_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert read("").trusted_proxies == ()
        monkeypatch.setenv("LEADML_TRUSTED_PROXIES", "127.0.0.1, 10.0.0.0/24")
        assert read("").trusted_proxies == ("127.0.0.1", "10.0.0.0/24")


def test_settings_are_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        read("").root = ROOT  # type: ignore[misc]


def test_why_sales_may_reject_is_a_closed_list(tmp_path: Path) -> None:
    path = tmp_path / "leadml.toml"
    path.write_text('[rejections]\nreasons = ["too_far", "other"]\n')
    assert load_settings(path).rejections == ("too_far", "other")
    path.write_text("")
    assert load_settings(path).rejections == REJECTIONS


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("[]", "reasons must be a list of different names, found"),
        ('["a", "a"]', "reasons must be a list of different names, found"),
        ('["No budget"]', "reasons must be names of 1 to 40 small letters, .* found 'No budget'"),
        ('"a"', r"\[rejections\]: reasons must be a list, found 'a'"),
        ("[1]", r"\[rejections\]: reasons must be a list, found"),
    ],
)
def test_reasons_that_cannot_be_used(tmp_path: Path, written: str, message: str) -> None:
    path = tmp_path / "leadml.toml"
    path.write_text(f"[rejections]\nreasons = {written}\n")
    with pytest.raises(ConfigError, match=message):
        load_settings(path)


def test_targets_are_set_one_by_one() -> None:
    assert read("[targets]\nwins = 12").targets == Targets(wins=12)
    assert read("").targets == Targets()


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("[targets]\nwins = 0", r"leadml.toml \[targets\]: wins must be above 0 a month, found 0"),
        ('[targets]\nmargin = "much"', r"\[targets\]: margin must be a number, found 'much'"),
        ("[targets]\nleads = 3", r"\[targets\]: leads is not a setting leadml knows"),
    ],
)
def test_targets_that_are_none(toml: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read(toml)


def test_webhooks_are_tables_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADML_WEBHOOK_SECRET_CRM", "whsec_c2VjcmV0")
    settings = read(
        """
        [webhooks.crm]
        url = "https://crm.example/hooks/leadml"

        [webhooks.sales_mail]
        url = "http://localhost:9000/"
        on = ["sales_ready_crossed"]
        timeout = 5
        attempts = 3
        """
    )
    crm, mail = settings.webhooks["crm"], settings.webhooks["sales_mail"]
    assert (crm.timeout, crm.attempts) == (15.0, 18)
    assert (mail.timeout, mail.attempts) == (5, 3)
    assert settings.webhook_kinds == {
        "crm": ("band_changed", "sales_ready_crossed", "must_follow_up"),
        "sales_mail": ("sales_ready_crossed",),
    }
    assert settings.webhook_secrets == {"LEADML_WEBHOOK_SECRET_CRM": "whsec_c2VjcmV0"}
    assert "c2VjcmV0" not in repr(settings)
    assert read("").webhooks == {}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('[webhooks]\nurl = "https://a.example/"', r"\[webhooks\]: url must be a table of its own"),
        ("[webhooks.crm]", r"\[webhooks\.crm\]: url is missing; give it a text in quotes"),
        ("[webhooks.CRM]", r"\[webhooks\.CRM\]: an endpoint's name is 1 to 40 small letters"),
        ('[webhooks.crm]\nurl = "http://a.example/"', r"\[webhooks\.crm\]: url must be https"),
        ('[webhooks.crm]\nurls = "https://a.example/"', r"did you mean url\?"),
        (
            '[webhooks.crm]\nurl = "https://a.example/"\nattempts = "many"',
            r"\[webhooks\.crm\]: attempts must be a whole number, found 'many'",
        ),
    ],
)
def test_webhooks_that_are_refused(text: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        read(text)


class TestSecrets:
    def test_of_the_environment_or_of_a_file_that_it_names(self, tmp_path: Path) -> None:
        (tmp_path / "secret").write_text(" s3cret\n")
        named = {"LEADML_X_FILE": str(tmp_path / "secret")}
        assert secret_from(named, "LEADML_X") == "s3cret"
        assert secret_from({"LEADML_X": " plain "}, "LEADML_X") == "plain"
        assert secret_from({}, "LEADML_X") == ""

    def test_not_both_and_not_of_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        both = {"LEADML_X": "a", "LEADML_X_FILE": str(tmp_path / "secret")}
        with pytest.raises(ConfigError, match="LEADML_X and LEADML_X_FILE are both set"):
            secret_from(both, "LEADML_X")
        del both["LEADML_X"]
        expected = "LEADML_X_FILE names a file that cannot be read: FileNotFoundError"
        with pytest.raises(ConfigError, match=expected):
            secret_from(both, "LEADML_X")

    def test_hubspots_is_never_printed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("LEADML_HUBSPOT_SECRET", "s3cret")
        settings = read("")
        assert settings.hubspot_secret == "s3cret"
        assert "s3cret" not in repr(settings)


class TestHubSpot:
    def test_properties_by_their_columns(self) -> None:
        settings = read('[crm.hubspot]\ncolumns = { numberofemployees = "size" }')
        assert settings.hubspot.columns == {"numberofemployees": "size"}
        assert read("").hubspot.columns == {}

    def test_two_properties_are_not_one_column(self) -> None:
        with pytest.raises(ConfigError, match=r"\[crm\.hubspot\]: columns names a more than once"):
            read('[crm.hubspot]\ncolumns = { x = "a", y = "a" }')

    @pytest.mark.parametrize(
        ("said", "kept"),
        [
            ("", ""),
            ("https://leads.example.com/", "https://leads.example.com"),
            (" http://10.0.0.7:8000/leadml ", "http://10.0.0.7:8000/leadml"),
        ],
    )
    def test_the_public_address(
        self, monkeypatch: pytest.MonkeyPatch, said: str, kept: str
    ) -> None:
        monkeypatch.setenv("LEADML_PUBLIC_URL", said)
        assert read("").public_url == kept

    @pytest.mark.parametrize(
        "said",
        ["leads.example.com", "ftp://x", "https://", "https://a@b", "https://a/?b", "https://a b"],
    )
    def test_what_is_no_address(self, monkeypatch: pytest.MonkeyPatch, said: str) -> None:
        monkeypatch.setenv("LEADML_PUBLIC_URL", said)
        with pytest.raises(ConfigError, match=r"LEADML_PUBLIC_URL holds .*: expected the address"):
            read("")


@pytest.mark.parametrize("share", ["-0.1", "1.5", '"0.1"', "true", "nan"])
def test_the_share_in_the_shadow_is_a_share(tmp_path: Path, share: str) -> None:
    path = tmp_path / "leadml.toml"
    path.write_text(f"[serve]\nshadow = {share}\n")
    with pytest.raises(ConfigError, match=r"leadml\.toml \[serve\]: shadow must be a"):
        load_settings(path)
    path.write_text("[serve]\nshadow = 1\n")
    assert load_settings(path).serve.shadow == 1


TRYTON = """
[crm.tryton]
url = "https://tryton.example.com"
database = "crm"
user = "leadml"
columns = { lead = "number" }
"""


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('user = "leadml"\n', "", r"\[crm\.tryton\]: user is missing; give it a text in quotes"),
        ('{ lead = "number" }', '["number"]', r'columns must be a table of name = "text", found'),
        ('"number"', "7", r'columns must be a table of name = "text", found'),
        ("https:", "http:", r"\[crm\.tryton\]: url must begin with https://"),
        ("user", "usr", r"\[crm\.tryton\]: usr is not a setting leadml knows; did you mean user"),
        (
            "[crm.tryton]",
            "[crm.triton]",
            r"\[crm\]: triton is not a CRM leadml knows; did you mean",
        ),
    ],
)
def test_what_is_wrong_with_trytons_section_is_said(
    tmp_path: Path, old: str, new: str, words: str
) -> None:
    path = tmp_path / "leadml.toml"
    path.write_text(TRYTON)
    tryton = load_settings(path).tryton
    assert tryton is not None
    assert (tryton.user, dict(tryton.columns)) == ("leadml", {"lead": "number"})
    path.write_text(TRYTON.replace(old, new))
    with pytest.raises(ConfigError, match=words):
        load_settings(path)


def test_without_its_section_there_is_no_tryton(tmp_path: Path) -> None:
    path = tmp_path / "leadml.toml"
    path.write_text("[crm.hubspot]\n")
    assert load_settings(path).tryton is None
