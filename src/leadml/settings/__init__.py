"""Configuration: `leadml.toml` and the environment, read into one frozen `Settings`."""

from leadml.settings.configuration import (
    CONFIG_NAME,
    KEYS_NAME,
    Settings,
    load_settings,
    settings_from,
)
from leadml.settings.environment import (
    ADMIN_KEYS_VARIABLE,
    API_KEYS_VARIABLE,
    HUBSPOT_VARIABLE,
    PROXIES_VARIABLE,
    PUBLIC_URL_VARIABLE,
    WEBHOOK_VARIABLE,
    keys_from,
    secret_from,
)
from leadml.settings.sections import (
    HubSpotSettings,
    ModelSettings,
    RejectionSettings,
    ServeSettings,
    StoreSettings,
    TrackingSettings,
)

__all__ = [
    "ADMIN_KEYS_VARIABLE",
    "API_KEYS_VARIABLE",
    "CONFIG_NAME",
    "HUBSPOT_VARIABLE",
    "KEYS_NAME",
    "PROXIES_VARIABLE",
    "PUBLIC_URL_VARIABLE",
    "WEBHOOK_VARIABLE",
    "HubSpotSettings",
    "ModelSettings",
    "RejectionSettings",
    "ServeSettings",
    "Settings",
    "StoreSettings",
    "TrackingSettings",
    "keys_from",
    "load_settings",
    "secret_from",
    "settings_from",
]
