"""Whether configuration, ledger, disks, clocks and keys are as the service needs them."""

import ctypes
import stat
import struct
import tempfile
import time
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from leadml.errors import AwayError, ConfigError, StoreError
from leadml.settings import ADMIN_KEYS_VARIABLE, API_KEYS_VARIABLE, Settings
from leadml.store.condition import Condition, condition_of, free_bytes
from leadml.store.segment import START, SUFFIX
from leadml.workflows.check_up import Check, Status
from leadml.workflows.key_file import read_keys

LITTLE_BYTES, NO_BYTES = 1_000_000_000, 100_000_000
"""Free bytes below which to worry, and below which writing will soon fail."""
LARGE_WAL_BYTES = 500_000_000
LATE_SECONDS = 60.0
"""Age of a score in the journal from which the ledger is behind."""
CLOCKS_SECONDS = 5.0
"""By how much clocks may differ."""


@dataclass(frozen=True)
class LedgerLooked:
    """What was found of the ledger; its condition where it could be reached."""

    checks: list[Check]
    condition: Condition | None


def configuration_check(settings: Settings) -> Check:
    """Look at what the file leaves open."""
    where = str(settings.path or "settings made in Python")
    if settings.path is not None and "timezone" not in _leads_table(settings.path):
        zone = settings.definition.leads.timezone
        found = f"{where} can be used; times without a zone are read as {zone}"
        advice = "set timezone under [leads] to the zone that the export's times are in"
        return Check("configuration", "warning", found, advice, "DOC002")
    zone = settings.definition.leads.timezone
    return Check("configuration", "ok", f"{where} can be used; time zone {zone}")


def _leads_table(path: Path) -> dict[str, object]:
    table = tomllib.loads(path.read_text("utf-8-sig")).get("leads", {})
    return dict(table)


def ledger_checks(settings: Settings) -> LedgerLooked:
    """Look at the database and at what waits for it."""
    waiting = _journal(settings)
    if not settings.store_url:
        found = "[store] url is empty: nothing is recorded"
        return LedgerLooked([Check("ledger", "ok", found), waiting], None)
    try:
        condition = condition_of(settings.store_url)
    except StoreError as error:
        advice = (
            "scores wait in the journal until it is back"
            if isinstance(error, AwayError)
            else "mend it: a service that starts meanwhile scores and records nothing"
        )
        return LedgerLooked(
            [Check("ledger", "problem", str(error), advice, "DOC008"), waiting], None
        )
    return LedgerLooked([_ledger(condition), waiting], condition)


def _ledger(condition: Condition) -> Check:
    if not condition.exists:
        found = f"{condition.shown} is not there yet: the first score or event makes it"
        return Check("ledger", "ok", found)
    if condition.unwritable:
        advice = "give the service's user the right to write, or make room"
        return Check("ledger", "problem", condition.unwritable, advice, "DOC009")
    found = f"{condition.shown} can be written; {condition.events:,} events"
    if condition.wal > LARGE_WAL_BYTES:
        found += f"; its write-ahead log has {_megabytes(condition.wal)}"
        advice = "end programs that read the ledger for a long time; the log then shrinks by itself"
        return Check("ledger", "warning", found, advice, "DOC011")
    return Check("ledger", "ok", found)


def _journal(settings: Settings) -> Check:
    """Look at what was answered as recorded and is not in the ledger yet."""
    folder = settings.root / settings.journal
    files = [path.stat() for path in folder.glob(f"*{SUFFIX}")]
    held = [found for found in files if found.st_size > START]
    late = time.time() - min((found.st_mtime for found in held), default=time.time())
    if late > LATE_SECONDS:
        size = _megabytes(sum(found.st_size for found in held))
        found = f"{len(held)} files with {size} wait since {late:,.0f} seconds in {folder}"
        advice = "nothing is lost: they are taken to the ledger while `leadml serve` runs"
        return Check("journal", "warning", found, advice, "DOC012")
    return Check("journal", "ok", "nothing waits for the ledger")


def room(settings: Settings) -> dict[str, int]:
    """Return the free bytes where models, journal and an SQLite ledger lie."""
    folders = {"models": settings.models, "journal": settings.root / settings.journal}
    if settings.store_url.startswith("sqlite:///"):
        folders["ledger"] = Path(settings.store_url.removeprefix("sqlite:///")).parent
    return {name: free_bytes(folder) for name, folder in folders.items()}


def disk_check(free: Mapping[str, int]) -> Check:
    """Look at the least of the room there is."""
    name = min(free, key=lambda each: free[each])
    found = f"{_megabytes(free[name])} free at least: where {name} is kept"
    if free[name] >= LITTLE_BYTES:
        return Check("disk", "ok", found)
    status: Status = "problem" if free[name] < NO_BYTES else "warning"
    return Check("disk", status, found, "make room, or move it to a larger disk", "DOC010")


def clock_checks(settings: Settings, condition: Condition | None) -> Iterator[Check]:
    """Hold this machine's clock against the ledger, the database and the file system."""
    now = datetime.now(UTC)
    latest = None if condition is None else condition.latest
    if latest is not None and (latest - now).total_seconds() > CLOCKS_SECONDS:
        found = f"the clock says {_at(now)}, and the ledger recorded an event at {_at(latest)}"
        advice = "set the clock: what happens now would be recorded before what happened earlier"
        yield Check("clock", "problem", found, advice, "DOC013")
        return
    others = {
        "the database": None if condition is None else condition.database_clock,
        "the file system": _file_clock(settings.root),
    }
    apart = {
        name: (other - now).total_seconds() for name, other in others.items() if other is not None
    }
    differing = [
        f"{name} is {abs(by):,.0f} seconds {'ahead' if by > 0 else 'behind'}"
        for name, by in apart.items()
        if abs(by) > CLOCKS_SECONDS
    ]
    if differing:
        advice = "have both keep their time by NTP"
        yield Check("clock", "warning", "; ".join(differing), advice, "DOC014")
        return
    agreeing = ", ".join(apart) or "nothing else that could be asked"
    yield Check("clock", "ok", f"agrees with {agreeing}; {_kept_by_ntp()}")


def _file_clock(folder: Path) -> datetime | None:
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".leadml-clock-") as file:
            return datetime.fromtimestamp(Path(file.name).stat().st_mtime, UTC)
    except OSError:
        return None


def _kept_by_ntp() -> str:
    """Ask the kernel (adjtimex, Linux) whether a time server keeps its clock."""
    unknown = "whether NTP keeps it is not known"
    content = ctypes.create_string_buffer(256)  # struct timex; mode 0 reads
    try:
        state = ctypes.CDLL(None).adjtimex(content)
    except (OSError, AttributeError):
        return unknown
    (status,) = struct.unpack_from("i", content, 5 * struct.calcsize("l"))
    return "NTP keeps it" if state >= 0 and not status & _STA_UNSYNC else unknown


_STA_UNSYNC = 0x0040


def keys_check(settings: Settings) -> Check:
    """Look at who may ask."""
    try:
        named = read_keys(settings.keys_file)
    except ConfigError as error:
        return Check("keys", "problem", str(error), "mend the file's rights or content", "DOC016")
    if settings.serve.keys is not None and not settings.keys_file.exists():
        found = f"[serve] keys names {settings.keys_file}, and there is no such file"
        advice = "make a key with `leadml keys add NAME`, or leave keys out: nothing starts so"
        return Check("keys", "problem", found, advice, "DOC016")
    if not named and not (settings.api_keys or settings.admin_keys):
        found = "none: the service answers this machine only, whoever asks"
        advice = f"make one with `leadml keys add NAME`, or set {API_KEYS_VARIABLE}"
        return Check("keys", "warning", found, advice, "DOC015")
    plain = {API_KEYS_VARIABLE: settings.api_keys, ADMIN_KEYS_VARIABLE: settings.admin_keys}
    told = [f"{len(named)} in {settings.keys_file.name}"] if named else []
    told += [f"{len(keys)} in {variable}" for variable, keys in plain.items() if keys]
    found = ", ".join(told)
    if named and stat.S_IMODE(settings.keys_file.stat().st_mode) & 0o077:
        found += f"; {settings.keys_file} may be read by others of this machine"
        return Check("keys", "warning", found, f"chmod 600 {settings.keys_file.name}", "DOC016")
    return Check("keys", "ok", found)


def _at(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f} MB"
