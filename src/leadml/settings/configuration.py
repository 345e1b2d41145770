"""One frozen `Settings`, built at the edge from `leadml.toml` and environment, passed down."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from leadml.domain.agreement import Agreement
from leadml.domain.definition import Definition
from leadml.domain.event import REJECTIONS
from leadml.domain.mapping import ActivityMapping, HistoryMapping
from leadml.domain.targets import Targets
from leadml.domain.tryton import TrytonConnection
from leadml.domain.webhook import Endpoint
from leadml.settings.environment import (
    ADMIN_KEYS_VARIABLE,
    API_KEYS_VARIABLE,
    HUBSPOT_VARIABLE,
    PROXIES_VARIABLE,
    PUBLIC_URL_VARIABLE,
    WEBHOOK_VARIABLE,
    keys_from,
    public_url_from,
    secret_from,
)
from leadml.settings.readers import (
    crm_section,
    endpoints,
    handoff_policy,
    lead_mapping,
    model_settings,
    points_table,
)
from leadml.settings.sections import (
    HubSpotSettings,
    ModelSettings,
    RejectionSettings,
    ServeSettings,
    StoreSettings,
    TrackingSettings,
)
from leadml.settings.tables import as_table, read_section, read_toml, refuse_unknown

CONFIG_NAME = "leadml.toml"
KEYS_NAME = "keys.json"
_SECTIONS = (
    "leads", "activities", "history", "sales_ready", "handoff", "points", "model", "store",
    "rejections", "targets", "tracking", "serve", "webhooks", "crm",
)  # fmt: skip


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
    return settings_from(read_toml(path), path=path.resolve())


def settings_from(content: Mapping[str, Any], *, path: Path) -> Settings:
    """Build settings from the parsed content of the configuration file at `path`."""
    where = path.name
    refuse_unknown(content, _SECTIONS, where, "section")
    sections = {name: as_table(content.get(name, {}), name, where) for name in _SECTIONS}
    leads = lead_mapping(sections["leads"], where)
    definition = Definition(
        leads=leads,
        activities=read_section(ActivityMapping, sections["activities"], "activities", where),
        history=read_section(HistoryMapping, sections["history"], "history", where),
        agreement=read_section(Agreement, sections["sales_ready"], "sales_ready", where),
        handoff=handoff_policy(sections["handoff"], leads, where),
        points=points_table(sections["points"], where),
    )
    root = path.parent
    store = read_section(StoreSettings, sections["store"], "store", where)
    return Settings(
        definition=definition,
        path=path,
        root=root,
        model=model_settings(sections["model"], definition, where),
        targets=read_section(Targets, sections["targets"], "targets", where),
        serve=read_section(ServeSettings, sections["serve"], "serve", where),
        store_url=_absolute(store.url, root),
        journal=store.journal,
        tracking_uri=_absolute(
            read_section(TrackingSettings, sections["tracking"], "tracking", where).uri, root
        ),
        hubspot=crm_section(HubSpotSettings, sections["crm"], "hubspot", where),
        hubspot_secret=secret_from(os.environ, HUBSPOT_VARIABLE),
        public_url=public_url_from(os.environ.get(PUBLIC_URL_VARIABLE, "")),
        api_keys=keys_from(os.environ, API_KEYS_VARIABLE),
        admin_keys=keys_from(os.environ, ADMIN_KEYS_VARIABLE),
        trusted_proxies=keys_from(os.environ, PROXIES_VARIABLE),
        rejections=read_section(
            RejectionSettings, sections["rejections"], "rejections", where
        ).reasons,
        webhooks=endpoints(sections["webhooks"], where),
        webhook_secrets={k: v for k, v in os.environ.items() if k.startswith(WEBHOOK_VARIABLE)},
        tryton=crm_section(TrytonConnection, sections["crm"], "tryton", where)
        if "tryton" in sections["crm"]
        else None,
    )


def _absolute(url: str, root: Path) -> str:
    """Make a relative SQLite path or a relative folder absolute."""
    prefix = "sqlite:///"
    if url.startswith(prefix) and not url.startswith(prefix + "/") and url != prefix + ":memory:":
        return f"{prefix}{(root / url.removeprefix(prefix)).resolve()}"
    return url if "://" in url else str((root / url).resolve())
