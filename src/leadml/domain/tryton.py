"""How leadml reaches a Tryton, and which of its fields hold what."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

REASONS = "reasons"
WRITABLE = (
    "probability", "band", "hand_off", "sales_ready", "stage", "priority", "points",
    "expected_margin", "explored", "handoff_probability", REASONS,
)  # fmt: skip
"""What of an answer a Tryton field may be given."""
LOOPBACK = ("127.0.0.1", "::1", "localhost")
MOST_LEADS = 1_000
_OWN = ("write_date", "write_uid", "_timestamp", "rec_name")
"""Fields that change whenever a score is written: read as columns, no lead would come to rest."""
_FIELD = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*){0,4}")
_STATES = re.compile(r"@[a-z_]+(, ?[a-z_]+)*")


def _usual() -> dict[str, str]:
    return {"probability": "conversion_probability", REASONS: "comment"}


@dataclass(frozen=True, kw_only=True)
class TrytonConnection:
    """Where a Tryton is, and which of its fields hold what.

    Attributes
    ----------
    url : str
        Such as ``https://tryton.example.com``; without TLS only on this machine.
    database, user : str
        Its database, and the user that leadml signs in as.
    columns : mapping of str to str
        Column, as ``[leads]`` and the model name it -> field of ``sale.opportunity`` that holds it,
        with dots through others (``party.name``); ``@STATE,STATE`` is when the lead first came into
        one of these states, ``@closed`` when it was closed.
    write : mapping of str to str
        What of an answer (one of `WRITABLE`) -> field that it is written to.
    states : tuple of str
        States in which a lead is given a score; Tryton lets nobody write to closed ones.
    requests_per_second : float
        At most, > 0.
    page : int
        Leads read at once, 1 to `MOST_LEADS`.
    overlap_minutes : float
        How much of the time before the last sync is read again, >= 0: clocks differ, and what was
        being saved then was not to be seen yet.
    """

    url: str
    database: str
    user: str
    columns: Mapping[str, str]
    write: Mapping[str, str] = field(default_factory=_usual)
    states: tuple[str, ...] = ("lead", "opportunity")
    requests_per_second: float = 5.0
    page: int = 100
    overlap_minutes: float = 5.0

    def __post_init__(self) -> None:
        """Refuse what cannot be or would not be safe."""
        _refuse_url(self.url)
        for name, holds, expected in (
            ("database", re.fullmatch(r"[\w.-]{1,63}", self.database), "the name of a database"),
            ("user", self.user.strip(), "the name of a user"),
            ("columns", self.columns, "a table of column = field with at least one line"),
            ("states", self.states, "a list of states"),
            ("requests_per_second", 0 < self.requests_per_second <= 1000, "above 0, up to 1000"),
            ("page", 1 <= self.page <= MOST_LEADS, f"1 to {MOST_LEADS} leads"),
            ("overlap_minutes", 0 <= self.overlap_minutes <= 1440, "0 to 1440 minutes"),
        ):
            if not holds:
                msg = f"{name} must be {expected}, found {getattr(self, name)!r}"
                raise ValueError(msg)
        self._refuse_writing()
        self._refuse_columns()

    def _refuse_writing(self) -> None:
        for name, target in self.write.items():
            if name not in WRITABLE:
                msg = f"write: {name} is nothing leadml can write; known: {', '.join(WRITABLE)}"
                raise ValueError(msg)
            if not _FIELD.fullmatch(target) or "." in target:
                msg = f"write: {name} must name a field of sale.opportunity, found {target!r}"
                raise ValueError(msg)
        if REASONS not in self.write:
            msg = (
                'write: give the reasons a text field, such as reasons = "comment": by what '
                "stands there a sync sees that a lead has its score already"
            )
            raise ValueError(msg)
        if len(set(self.write.values())) < len(self.write):
            msg = f"write: each field can be given one thing, found {dict(self.write)!r}"
            raise ValueError(msg)

    def _refuse_columns(self) -> None:
        for column, source in self.columns.items():
            if not _FIELD.fullmatch(source) and not _STATES.fullmatch(source):
                msg = (
                    f"columns: {column} must name a field such as party.name, or states such as "
                    f"@opportunity, found {source!r}"
                )
                raise ValueError(msg)
            if source in (*self.write.values(), *_OWN):
                msg = (
                    f"columns: {column} reads {source}, which changes when leadml writes a score: "
                    "the model would see its own answers; leave it out"
                )
                raise ValueError(msg)


def _refuse_url(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        msg = f"url must be an address such as https://tryton.example.com, found {url!r}"
        raise ValueError(msg)
    if parts.username or parts.password or parts.query or parts.fragment:
        msg = (
            "url must be the address alone: the user is a setting of its own, and the password "
            "comes from LEADML_TRYTON_PASSWORD"
        )
        raise ValueError(msg)
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        msg = (
            f"url must begin with https://, found {url!r}: without TLS the password and the leads "
            "would cross the network for all to read; http:// is for this machine alone"
        )
        raise ValueError(msg)
