"""One frozen `Settings`, built at the edge from `leadml.toml` and environment, passed down."""

import difflib
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, TypeVar, get_type_hints
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import ConfigDict, TypeAdapter, ValidationError

from leadml.domain.agreement import Agreement
from leadml.domain.definition import Definition
from leadml.domain.event import REJECTIONS
from leadml.domain.handoff import HandoffPolicy
from leadml.domain.mapping import ActivityMapping, HistoryMapping, LeadMapping
from leadml.domain.points_table import PointsTable, Rule
from leadml.domain.targets import Targets
from leadml.domain.tryton import TrytonConnection
from leadml.domain.webhook import NAME, Endpoint
from leadml.errors import ConfigError

T = TypeVar("T")
CONFIG_NAME = "leadml.toml"
KEYS_NAME = "keys.json"
API_KEYS_VARIABLE = "LEADML_API_KEYS"
ADMIN_KEYS_VARIABLE = "LEADML_ADMIN_KEYS"
HUBSPOT_VARIABLE = "LEADML_HUBSPOT_SECRET"
PUBLIC_URL_VARIABLE = "LEADML_PUBLIC_URL"
PROXIES_VARIABLE = "LEADML_TRUSTED_PROXIES"
WEBHOOK_VARIABLE = "LEADML_WEBHOOK_SECRET"
"""Also with ``_NAME`` for one endpoint, and with ``_FILE`` for a path."""


@dataclass(frozen=True, kw_only=True)
class StoreSettings:
    """Where the ledger lives, and what is on its way there.

    Attributes
    ----------
    url : str
        SQLAlchemy URL; a relative SQLite path is relative to the file.
    journal : str
        Folder, on a disk of this machine, where scores wait for the ledger.
    """

    url: str = "sqlite:///leadml.db"
    journal: str = "journal"

    def __post_init__(self) -> None:
        """Refuse a folder without a name."""
        if not self.journal.strip():
            msg = "journal is empty: name a folder, or leave it out"
            raise ValueError(msg)


@dataclass(frozen=True, kw_only=True)
class RejectionSettings:
    """Why sales may reject a lead: a closed list; ``other`` always needs a text."""

    reasons: tuple[str, ...] = REJECTIONS

    def __post_init__(self) -> None:
        """Refuse names that a CRM could not send back unambiguously."""
        for reason in self.reasons:
            if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,39}", reason):
                msg = (
                    "reasons must be names of 1 to 40 small letters, digits, _ and -, such as "
                    f"no_budget, found {reason!r}"
                )
                raise ValueError(msg)
        if not self.reasons or len(set(self.reasons)) < len(self.reasons):
            msg = f"reasons must be a list of different names, found {list(self.reasons)!r}"
            raise ValueError(msg)


@dataclass(frozen=True, kw_only=True)
class ServeSettings:
    """How the service serves.

    Attributes
    ----------
    keys : str or None
        File of the keys that `leadml keys` makes, relative to the configuration file; None for
        ``keys.json``. A file that is named has to be there.
    shadow : float
        Share of the leads, 0 to 1, that the challenger scores too, in the shadow: see
        `leadml.api.shadow`.
    """

    keys: str | None = None
    shadow: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what is no share."""
        if not 0 <= self.shadow <= 1:
            msg = f"shadow must be a share of the leads from 0 to 1, found {self.shadow!r}"
            raise ValueError(msg)


@dataclass(frozen=True, kw_only=True)
class HubSpotSettings:
    """How HubSpot's properties are read.

    Attributes
    ----------
    columns : dict of str to str
        HubSpot's internal name of a property -> the column of the export; others are columns by
        their own names.
    """

    columns: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse two properties that would be one column."""
        named = list(self.columns.values())
        twice = sorted({column for column in named if named.count(column) > 1})
        if twice:
            msg = f"columns names {', '.join(twice)} more than once: one property a column"
            raise ValueError(msg)


@dataclass(frozen=True, kw_only=True)
class TrackingSettings:
    """Where MLflow records runs and versions: an MLflow tracking URI."""

    uri: str = "sqlite:///models/mlflow.db"


@dataclass(frozen=True, kw_only=True)
class ModelSettings:
    """How a model is fitted.

    Attributes
    ----------
    monotonic : {"no", "points"}
        ``points`` keeps it to the directions of the points rules.
    form : {"any", "additive"}
        ``additive`` lets candidates compete alone whose score is a sum of one function a feature:
        reasons are exact, and there is a scorecard.
    """

    monotonic: Literal["no", "points"] = "no"
    form: Literal["any", "additive"] = "any"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All that configures a run.

    Attributes
    ----------
    definition : Definition
        Mapping, agreement and points table.
    path : Path or None
        The file read; None where settings were built in memory.
    root : Path
        Folder that relative paths are relative to.
    model : ModelSettings
        How a model is fitted.
    targets : Targets
        What a month is to bring.
    serve : ServeSettings
        How the service serves.
    hubspot : HubSpotSettings
        How HubSpot's properties are read.
    hubspot_secret : str
        What HubSpot signs with, from ``LEADML_HUBSPOT_SECRET``; never printed.
    public_url : str
        By which address others reach the service, from ``LEADML_PUBLIC_URL``; empty where not said.
    store_url, tracking_uri : str
        With SQLite paths made absolute.
    journal : str
        Folder of scores on their way to the ledger, relative to `root` or absolute.
    rejections : tuple of str
        Why sales may reject a lead.
    api_keys : tuple of str
        Keys the service accepts, from ``LEADML_API_KEYS`` (comma separated); never printed.
    admin_keys : tuple of str
        Keys that may also change what serves, from ``LEADML_ADMIN_KEYS``; never printed.
    trusted_proxies : tuple of str
        Addresses and networks of proxies that the service believes for whom they ask, from
        ``LEADML_TRUSTED_PROXIES`` (comma separated).
    webhooks : mapping of str to Endpoint
        Who is told of changes, by name.
    webhook_secrets : mapping of str to str
        The variables ``LEADML_WEBHOOK_SECRET…``, as they are set; never printed.
    tryton : TrytonConnection or None
        The Tryton that leads are read from.
    """

    definition: Definition
    root: Path
    path: Path | None = None
    model: ModelSettings = field(default_factory=ModelSettings)
    targets: Targets = field(default_factory=Targets)
    serve: ServeSettings = field(default_factory=ServeSettings)
    hubspot: HubSpotSettings = field(default_factory=HubSpotSettings)
    hubspot_secret: str = field(default="", repr=False)
    public_url: str = ""
    store_url: str = ""
    journal: str = "journal"
    tracking_uri: str = ""
    rejections: tuple[str, ...] = REJECTIONS
    api_keys: tuple[str, ...] = field(default=(), repr=False)
    admin_keys: tuple[str, ...] = field(default=(), repr=False)
    trusted_proxies: tuple[str, ...] = ()
    webhooks: Mapping[str, Endpoint] = field(default_factory=dict)
    webhook_secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    tryton: TrytonConnection | None = None

    @property
    def webhook_kinds(self) -> dict[str, tuple[str, ...]]:
        """What each endpoint is told of, by name."""
        return {name: endpoint.on for name, endpoint in self.webhooks.items()}

    @property
    def keys_file(self) -> Path:
        """Where `leadml keys` keeps digests of keys."""
        return self.root / (self.serve.keys or KEYS_NAME)

    @property
    def models(self) -> Path:
        """Folder of bundles, aliases and the MLflow database."""
        return self.root / "models"


def load_settings(config: "Path | str | Settings | None" = None) -> Settings:
    """Read `leadml.toml` (or the given file) and the environment.

    Raises
    ------
    ConfigError
        If the file is missing, is not TOML, or has an unknown key or a value of the wrong type.
    """
    if isinstance(config, Settings):
        return config
    path = Path(config) if config is not None else Path(CONFIG_NAME)
    return settings_from(_toml(path), path=path.resolve())


def settings_from(content: Mapping[str, Any], *, path: Path) -> Settings:
    """Build settings from the parsed content of the configuration file at `path`."""
    where = path.name
    _known(content, _SECTIONS, where, "section")
    sections = {name: _table(content.get(name, {}), name, where) for name in _SECTIONS}
    leads = _lead_mapping(sections["leads"], where)
    definition = Definition(
        leads=leads,
        activities=_read(ActivityMapping, sections["activities"], "activities", where),
        history=_read(HistoryMapping, sections["history"], "history", where),
        agreement=_read(Agreement, sections["sales_ready"], "sales_ready", where),
        handoff=_handoff(sections["handoff"], leads, where),
        points=_points(sections["points"], where),
    )
    root = path.parent
    store = _read(StoreSettings, sections["store"], "store", where)
    return Settings(
        definition=definition,
        path=path,
        root=root,
        model=_model(sections["model"], definition, where),
        targets=_read(Targets, sections["targets"], "targets", where),
        serve=_read(ServeSettings, sections["serve"], "serve", where),
        store_url=_absolute(store.url, root),
        journal=store.journal,
        tracking_uri=_absolute(
            _read(TrackingSettings, sections["tracking"], "tracking", where).uri, root
        ),
        hubspot=_crm(HubSpotSettings, sections["crm"], "hubspot", where),
        hubspot_secret=secret_from(os.environ, HUBSPOT_VARIABLE),
        public_url=_public_url(os.environ.get(PUBLIC_URL_VARIABLE, "")),
        api_keys=keys_from(os.environ, API_KEYS_VARIABLE),
        admin_keys=keys_from(os.environ, ADMIN_KEYS_VARIABLE),
        trusted_proxies=keys_from(os.environ, PROXIES_VARIABLE),
        rejections=_read(RejectionSettings, sections["rejections"], "rejections", where).reasons,
        webhooks=_webhooks(sections["webhooks"], where),
        webhook_secrets={k: v for k, v in os.environ.items() if k.startswith(WEBHOOK_VARIABLE)},
        tryton=_crm(TrytonConnection, sections["crm"], "tryton", where)
        if "tryton" in sections["crm"]
        else None,
    )


def keys_from(environment: Mapping[str, str], variable: str) -> tuple[str, ...]:
    """Return the keys, or other words, that a variable of the environment separates by commas."""
    keys = environment.get(variable, "").split(",")
    return tuple(key.strip() for key in keys if key.strip())


def _public_url(text: str) -> str:
    """Return the service's own address without a slash at its end."""
    url = text.strip().rstrip("/")
    if url and not re.fullmatch(r"https?://[^/?#@\s]+(/[^?#\s]*)?", url):
        msg = (
            f"{PUBLIC_URL_VARIABLE} holds {text!r}: expected the address by which others reach "
            "the service, such as https://leads.example.com"
        )
        raise ConfigError(msg)
    return url


def secret_from(environment: Mapping[str, str], variable: str) -> str:
    """Return a secret of the environment, or of the file that ``<variable>_FILE`` names.

    Raises
    ------
    ConfigError
        If the file cannot be read, or both are set.
    """
    plain, named = environment.get(variable, "").strip(), environment.get(f"{variable}_FILE", "")
    if not named:
        return plain
    if plain:
        msg = f"{variable} and {variable}_FILE are both set: keep one"
        raise ConfigError(msg)
    try:
        return Path(named).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{variable}_FILE names a file that cannot be read: {type(error).__name__}"
        raise ConfigError(msg) from None


_SECTIONS = (
    "leads", "activities", "history", "sales_ready", "handoff", "points", "model", "store",
    "rejections", "targets", "tracking", "serve", "webhooks", "crm",
)  # fmt: skip


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8-sig"))
    except FileNotFoundError:
        msg = (
            f"no configuration at {path}: write one with `leadml init EXPORT.csv`, "
            "or name it with --config"
        )
        raise ConfigError(msg) from None
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{path} cannot be read as UTF-8 text: {error}"
        raise ConfigError(msg) from None
    except tomllib.TOMLDecodeError as error:
        msg = f"{path} is not valid TOML: {error}"
        raise ConfigError(msg) from None


def _known(table: Mapping[str, Any], names: tuple[str, ...], where: str, what: str) -> None:
    for name in table:
        if name not in names:
            near = difflib.get_close_matches(name, names, 1, 0.5)
            hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(names)}"
            msg = f"{where}: {name} is not a {what} leadml knows; {hint}"
            raise ConfigError(msg)


def _table(value: object, name: str, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        msg = f"{where}: [{name}] must be a table of settings, found {value!r}"
        raise ConfigError(msg)
    return value


def _read(kind: type[T], table: Mapping[str, Any], section: str, where: str, **ready: object) -> T:
    """Validate one table into one of the domain's frozen values; `ready` values are taken as is."""
    place = f"{where} [{section}]"
    names = {f.name: f for f in fields(kind)}  # type: ignore[arg-type]
    _known(table, tuple(names), place, "setting")
    hints = get_type_hints(kind)
    values = {key: _value(value, hints[key], f"{place}: {key}") for key, value in table.items()}
    for name, of in names.items():
        if name not in values | ready and of.default is MISSING and of.default_factory is MISSING:
            msg = f"{place}: {name} is missing; give it {_kind_words(hints[name])}"
            raise ConfigError(msg)
    try:
        return kind(**values, **ready)
    except ValueError as error:
        msg = f"{place}: {error}"
        raise ConfigError(msg) from None


def _value(value: object, hint: Any, place: str) -> object:
    plain = tuple(value) if isinstance(value, list) else value
    if place.endswith("_days") and isinstance(value, str) and _FRACTION.fullmatch(value):
        plain = float(Fraction(value.replace(" ", "")))
    try:
        return TypeAdapter(hint, config=_STRICT).validate_python(plain)
    except ValidationError:
        msg = f"{place} must be {_kind_words(hint)}, found {value!r}"
        raise ConfigError(msg) from None


_FRACTION = re.compile(r"\d{1,6} ?/ ?[1-9]\d{0,5}")  # "1/24": an hour, as a share of a day
_STRICT = ConfigDict(strict=True, allow_inf_nan=False)


def _kind_words(hint: object) -> str:
    text = getattr(hint, "__name__", str(hint)) if isinstance(hint, type) else str(hint)
    if "tuple" in text:
        return "a list" if "..." in text else "a list of two numbers"
    if "Literal" in text:
        return "one of " + text[text.index("[") + 1 : text.index("]")]
    for sign, words in _KIND_WORDS.items():
        if sign in text:
            return words
    return text


_KIND_WORDS = {
    "Mapping[str, str]": 'a table of name = "text"',
    "dict": "a table of name = number",
    "date": "a date like 2026-01-31 (no quotes)",
    "float": "a number",
    "bool": "true or false",
    "str": "a text in quotes",
    "int": "a whole number",
}


def _lead_mapping(table: Mapping[str, Any], where: str) -> LeadMapping:
    mapping = _read(LeadMapping, table, "leads", where)
    for key, value in table.items():
        if value == "":
            msg = f"{where} [leads]: {key} is empty: name a column, or leave {key} out"
            raise ConfigError(msg)
    if mapping.margin and mapping.margin_amount:
        msg = f"{where} [leads]: give margin (a fraction) or margin_amount (money), not both"
        raise ConfigError(msg)
    if bool(mapping.explored) != bool(mapping.handoff_probability):
        one, other = ("explored", "handoff_probability")
        one, other = (one, other) if mapping.explored else (other, one)
        msg = (
            f"{where} [leads]: {one} is mapped without {other}: leads handed off at random to "
            "learn from count by both; map both or neither"
        )
        raise ConfigError(msg)
    try:
        ZoneInfo(mapping.timezone)
    except (ValueError, OSError, ZoneInfoNotFoundError):
        near = difflib.get_close_matches(mapping.timezone, available_timezones(), 1, 0.6)
        hint = f"did you mean {near[0]}?" if near else "use an IANA name such as Europe/Berlin"
        msg = f"{where} [leads]: timezone {mapping.timezone!r} is not known; {hint}"
        raise ConfigError(msg) from None
    return mapping


def _handoff(table: Mapping[str, Any], leads: LeadMapping, where: str) -> HandoffPolicy:
    policy = _read(HandoffPolicy, table, "handoff", where)
    if policy.needs_owner and leads.owner is None:
        msg = (
            f"{where} [handoff]: {policy.needs_owner} needs to know whose lead it is: map owner "
            "under [leads], or leave it out"
        )
        raise ConfigError(msg)
    if policy.policy == "profit" and leads.amount is None and leads.margin_amount is None:
        msg = (
            f'{where} [handoff]: policy = "profit" weighs leads by their expected margin: map '
            "amount or margin_amount under [leads], or choose another policy"
        )
        raise ConfigError(msg)
    return policy


def _points(table: Mapping[str, Any], where: str) -> PointsTable:
    raw_rules = table.get("rules", [])
    if not isinstance(raw_rules, list) or not all(isinstance(rule, dict) for rule in raw_rules):
        msg = f"{where}: write points rules as [[points.rules]] tables"
        raise ConfigError(msg)
    rules = [_rule(rule, number, where) for number, rule in enumerate(raw_rules, 1)]
    plain = {key: value for key, value in table.items() if key != "rules"}
    _known(plain, ("threshold", "rules", "caps", "buckets"), f"{where} [points]", "setting")
    return _read(PointsTable, plain, "points", where, rules=tuple(rules))


def _rule(table: Mapping[str, Any], number: int, where: str) -> Rule:
    if "one_of" in table:
        msg = f"{where} [points.rules {number}]: one_of is not a setting leadml knows; write in"
        raise ConfigError(msg)
    named = {"one_of" if key == "in" else key: value for key, value in table.items()}
    section = f"points.rules {number}" + (f" {table['name']!r}" if "name" in table else "")
    return _read(Rule, named, section, where)


_CRMS = ("hubspot", "tryton")


def _crm(kind: type[T], table: Mapping[str, Any], name: str, where: str) -> T:
    """Read the table of one CRM."""
    _known(table, _CRMS, f"{where} [crm]", "CRM")
    return _read(kind, _table(table.get(name, {}), f"crm.{name}", where), f"crm.{name}", where)


def _webhooks(table: Mapping[str, Any], where: str) -> dict[str, Endpoint]:
    found = {}
    for name, each in table.items():
        if not isinstance(each, dict):
            msg = (
                f"{where} [webhooks]: {name} must be a table of its own: write [webhooks.NAME] "
                "with url for each endpoint"
            )
            raise ConfigError(msg)
        if not NAME.fullmatch(name):
            msg = (
                f"{where} [webhooks.{name}]: an endpoint's name is 1 to 40 small letters, digits "
                "and _, a letter first"
            )
            raise ConfigError(msg)
        found[name] = _read(Endpoint, each, f"webhooks.{name}", where)
    return found


def _model(table: Mapping[str, Any], definition: Definition, where: str) -> ModelSettings:
    model = _read(ModelSettings, table, "model", where)
    if model.monotonic == "points" and not definition.points.rules:
        msg = (
            f'{where} [model]: monotonic = "points" keeps the model to the points rules, and there '
            "are none: write [[points.rules]], or leave monotonic out"
        )
        raise ConfigError(msg)
    return model


def _absolute(url: str, root: Path) -> str:
    """Make a relative SQLite path or a relative folder absolute."""
    prefix = "sqlite:///"
    if url.startswith(prefix) and not url.startswith(prefix + "/") and url != prefix + ":memory:":
        return f"{prefix}{(root / url.removeprefix(prefix)).resolve()}"
    return url if "://" in url else str((root / url).resolve())
