"""`leadml models` and `leadml promote`: which versions there are, and who serves."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from leadml import tracking
from leadml.errors import ModelError, TrackingError
from leadml.model.bundle import champion_bundle, read_aliases, read_bundle, versions, write_alias
from leadml.settings import Settings, load_settings
from leadml.workflows.trial import tried


@dataclass(frozen=True)
class Version:
    """One version with a bundle.

    Attributes
    ----------
    version, bundle : str
    alias : str or None
    manifest : dict
        Empty, with `problem` set, where the bundle is damaged.
    problem : str or None
    shadow : float or None
        Share of the leads that it scores in the shadow where ``leadml serve`` runs; None for none.
    """

    version: str
    bundle: str
    alias: str | None
    manifest: Mapping[str, Any]
    problem: str | None = None
    shadow: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON-ready form."""
        names = ("trained_at", "chosen", "leads", "won", "out_of_time", "threshold", "data_window")
        known = {name: self.manifest.get(name) for name in (*names, "agreement_hash")}
        return {
            "version": self.version,
            "alias": self.alias,
            "bundle": self.bundle,
            **known,
            "problem": self.problem,
            "shadow": self.shadow,
        }


def models(config: Path | str | Settings | None = None) -> list[Version]:
    """List the versions beside the configuration, newest first."""
    settings = load_settings(config)
    folder, share = settings.models, settings.serve.shadow or None
    aliases = {of["version"]: alias for alias, of in read_aliases(folder).items()}
    found = [_version(folder, name, aliases.get(name)) for name in reversed(versions(folder))]
    return [replace(v, shadow=share) if v.alias == "challenger" else v for v in found]


def _version(folder: Path, name: str, alias: str | None) -> Version:
    path = champion_bundle(folder, name)
    try:
        return Version(name, str(path), alias, read_bundle(path).manifest)
    except ModelError as error:
        return Version(name, str(path), alias, {}, str(error))


def promote(version: str, *, config: Path | str | Settings | None = None) -> Version:
    """Make a version the champion; the bundle is verified first, and scores a trial lead.

    A running service takes it up within about a second.

    Parameters
    ----------
    version : str
        A number, ``challenger``, or ``previous``: the champion before the present one, to roll
        back.

    Raises
    ------
    ModelError
        If there is no such version, its bundle is damaged, or it cannot score.
    TrackingError
        If MLflow refuses; the service's alias is changed all the same.
    """
    settings = load_settings(config)
    path = champion_bundle(settings.models, str(version))
    bundle = tried(read_bundle(path)).bundle
    give_alias(settings, "champion", bundle.version)
    return Version(bundle.version, str(path), "champion", bundle.manifest)


def give_alias(settings: Settings, alias: str, version: str) -> None:
    """Point an alias at a version, for the service first, then in MLflow.

    Raises
    ------
    TrackingError
        If MLflow refuses; the service's alias is changed all the same, and the message says so.
    """
    write_alias(settings.models, alias, version)
    try:
        tracking.set_alias(settings.tracking_uri, alias, version)
    except TrackingError as error:
        msg = f"version {version} is {alias} for the service, but not in MLflow: {error}"
        raise TrackingError(msg) from None
