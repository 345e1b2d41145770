"""The error tree: everything leadml refuses, in one place.

::

    LeadmlError                a message for a person: what was expected, what was found, what to do
    ├── ConfigError            leadml.toml or an environment variable is wrong
    ├── DataError              a file or table cannot be used as it is
    │   └── RowError           one row cannot be used (strict scoring stops at it)
    ├── TooFewOutcomes         not enough won or lost leads to learn from
    ├── ModelError             a bundle, version or alias is missing, damaged or unknown
    ├── TrackingError          MLflow or the model registry could not be reached or refused
    ├── StoreError             the ledger's database is missing, locked, full, damaged or outdated
    │   └── AwayError          it is locked, full or out of reach now, and may not be later
    ├── ApartError             work in a process of its own was refused, failed or took too long
    └── CrmError               a CRM refused, answered what nobody expects or is not set up for this
        └── CrmBusy            a CRM could not be reached, or asks to wait: the call may be repeated
"""


class LeadmlError(Exception):
    """A refusal with a remedy: printed as one line, exit code 1."""


class ConfigError(LeadmlError):
    """The configuration file or environment is wrong."""


class DataError(LeadmlError):
    """A file or table cannot be used as it is."""


class RowError(DataError):
    """One row cannot be used."""


class TooFewOutcomes(LeadmlError):
    """Not enough won or lost leads to learn from."""


class ModelError(LeadmlError):
    """A model bundle, version or alias is missing, damaged or unknown."""


class TrackingError(LeadmlError):
    """The tracking server or model registry refused or could not be reached."""


class StoreError(LeadmlError):
    """The ledger's database could not be read or written; nothing of the request was kept."""


class AwayError(StoreError):
    """The ledger's database cannot be used now, and may be later without anybody's doing."""


class ApartError(LeadmlError):
    """Work in a process of its own was refused, failed or took too long."""


class CrmError(LeadmlError):
    """A CRM refused what was asked of it, or cannot be used as it is."""


class CrmBusy(CrmError):
    """A CRM could not be reached or asks to wait: the same call may be made again.

    Parameters
    ----------
    message : str
        What happened.
    retry_after : float, optional
        Seconds the CRM asks to wait; None where it says nothing.
    """

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after
