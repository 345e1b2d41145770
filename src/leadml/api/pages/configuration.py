"""The configuration as it stands now: pages show what the file says, not what it said at start."""

from fastapi import Request

from leadml.settings import Settings, load_settings


def configured(request: Request) -> Settings:
    """Return the settings of the service's configuration file, read anew; reads a small file.

    Raises
    ------
    ConfigError
        If the file can no longer be read.
    """
    settings: Settings = request.app.state.settings
    return settings if settings.path is None else load_settings(settings.path)
