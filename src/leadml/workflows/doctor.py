"""What is wrong with an installation, and what to do; nothing is changed by looking."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from leadml.errors import ConfigError
from leadml.settings import Settings, load_settings

Status = Literal["ok", "warning", "problem"]

CODES = {
    "DOC001": "the configuration cannot be used",
    "DOC002": "no time zone is set",
    "DOC003": "the champion was trained under another agreement",
    "DOC004": "the mapping or the points table changed since the champion was trained",
    "DOC005": "no champion that can serve",
    "DOC006": "a challenger that cannot serve",
    "DOC007": "a champion trained long ago",
    "DOC008": "the ledger cannot be reached, or its tables are of another revision",
    "DOC009": "the ledger cannot be written",
    "DOC010": "little room on a disk",
    "DOC011": "the ledger's write-ahead log has grown",
    "DOC012": "scores wait in the journal",
    "DOC013": "the clock is behind what the ledger recorded",
    "DOC014": "two clocks differ",
    "DOC015": "no key is set",
    "DOC016": "the keys file cannot be used, or may be read by others",
    "DOC017": "the service does not answer, or is not ready",
    "DOC018": "the service scores with another version than the one that is named champion",
}


@dataclass(frozen=True)
class Check:
    """One thing looked at.

    Attributes
    ----------
    name : str
        What was looked at.
    status : {"ok", "warning", "problem"}
    found : str
        How it stands.
    advice : str
        What to do; empty where all is well.
    code : str or None
        One of `CODES` where something is not.
    """

    name: str
    status: Status
    found: str
    advice: str = ""
    code: str | None = None

    def to_dict(self) -> dict[str, str | None]:
        """Return the JSON-ready form."""
        return asdict(self)


def doctor(config: Path | str | Settings | None = None, *, url: str = "") -> list[Check]:
    """Look at configuration, model, database, disk, clock and keys, and at a running service.

    Parameters
    ----------
    config : path or Settings, optional
        Default ``./leadml.toml``.
    url : str
        Address of the running service; empty to leave it alone.

    Returns
    -------
    list of Check
        In the order in which to mend; without a usable configuration the first alone.
    """
    try:
        settings = load_settings(config)
    except ConfigError as error:
        return [Check("configuration", "problem", str(error), "correct the file", "DOC001")]
    return list(_looked_at(settings, url))


def _looked_at(settings: Settings, url: str) -> Iterator[Check]:
    from leadml.workflows.doctor_installation import (
        clock_checks,
        configuration_check,
        disk_check,
        keys_check,
        ledger_checks,
        room,
    )
    from leadml.workflows.doctor_models import champion_of, model_checks

    yield configuration_check(settings)
    yield from model_checks(settings)
    looked = ledger_checks(settings)
    yield from looked.checks
    yield disk_check(room(settings))
    yield from clock_checks(settings, looked.condition)
    yield keys_check(settings)
    if url:
        from leadml.workflows.doctor_service import service_check

        yield service_check(url, champion_of(settings))
