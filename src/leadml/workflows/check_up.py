"""One line of what `leadml doctor` says, and the codes of what can be wrong."""

from dataclasses import asdict, dataclass
from typing import Literal

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
    "DOC019": "no secret signs messages to a webhook",
    "DOC020": "messages to a webhook do not arrive",
    "DOC021": "the service answers scores without recording them",
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
