"""Fetch public data sets, and turn them into leads, activities and an agreement."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from leadml.data.datasets.catalogue import find_dataset
from leadml.data.datasets.download import fetch_dataset
from leadml.data.datasets.prepare import prepare_dataset
from leadml.data.writing import write_csv, write_text
from leadml.errors import DataError

LEADS, ACTIVITIES, CONFIG = "leads.csv", "activities.csv", "leadml.toml"

Progress = Callable[[str, float], None]


@dataclass(frozen=True, kw_only=True)
class FetchRun:
    """What fetching came to.

    Attributes
    ----------
    name : str
        The data set.
    path : Path
        Its file.
    url : str
        Where it came from; empty if it was there before.
    sha256 : str
        Its checksum, which is the published one.
    """

    name: str
    path: Path
    url: str
    sha256: str

    def to_dict(self) -> dict[str, object]:
        """Return the run as JSON-ready values."""
        return {
            "name": self.name,
            "path": str(self.path),
            "fetched": bool(self.url),
            "url": self.url or None,
            "sha256": self.sha256,
        }


@dataclass(frozen=True, kw_only=True)
class PrepareRun:
    """What preparing came to.

    Attributes
    ----------
    name : str
        The data set.
    config, leads : Path
        The leadml.toml and the leads written.
    activities : Path or None
        The activities written, where the set has any.
    lead_count, activity_count : int
        Rows written.
    warnings : tuple of str
        What to know before using them.
    """

    name: str
    config: Path
    leads: Path
    activities: Path | None
    lead_count: int
    activity_count: int
    warnings: tuple[str, ...]

    def to_dict(self) -> dict[str, object]:
        """Return the run as JSON-ready values."""
        return {
            "name": self.name,
            "config": str(self.config),
            "leads": {"path": str(self.leads), "rows": self.lead_count},
            "activities": (
                {"path": str(self.activities), "rows": self.activity_count}
                if self.activities
                else None
            ),
            "warnings": list(self.warnings),
        }


def fetch(
    name: str,
    *,
    to: Path | str = "data",
    url: str | None = None,
    progress: Progress = lambda _step, _share: None,
) -> FetchRun:
    """Fetch a public data set from its official address, or a mirror, and check it.

    Parameters
    ----------
    name : str
        Name or alias of the data set.
    to : Path
        Folder to put the file in.
    url : str, optional
        A mirror; the published checksum decides whether its file is accepted.
    progress : callable
        Told what is being done, and the share done.

    Raises
    ------
    DataError
        If there is no such data set, or its published file could not be had.
    """
    dataset = find_dataset(name)
    fetched = fetch_dataset(dataset, Path(to), url=url, progress=progress)
    return FetchRun(name=dataset.name, path=fetched.path, url=fetched.url, sha256=fetched.sha256)


def prepare(name: str, source: Path | str, out: Path | str, *, force: bool = False) -> PrepareRun:
    """Write leads, activities and a leadml.toml made of a downloaded public data set.

    Parameters
    ----------
    name : str
        Name or alias of the data set.
    source : Path
        The downloaded file, or a folder that holds it.
    out : Path
        Folder to write ``leads.csv``, ``activities.csv`` (if any) and ``leadml.toml`` to.
    force : bool
        Whether those files may be written over.

    Raises
    ------
    DataError
        If the file is not there or of another shape, or a file would be written over.
    """
    dataset, folder = find_dataset(name), Path(out)
    if not force:
        _refuse_overwriting(folder)
    prepared, warnings = prepare_dataset(dataset, Path(source))
    write_csv(folder / LEADS, prepared.leads)
    if prepared.activities is not None:
        write_csv(folder / ACTIVITIES, prepared.activities)
    write_text(folder / CONFIG, prepared.definition)
    has_activities = prepared.activities is not None
    return PrepareRun(
        name=dataset.name,
        config=folder / CONFIG,
        leads=folder / LEADS,
        activities=folder / ACTIVITIES if has_activities else None,
        lead_count=len(prepared.leads),
        activity_count=len(prepared.activities) if prepared.activities is not None else 0,
        warnings=warnings,
    )


def _refuse_overwriting(folder: Path) -> None:
    there = [name for name in (LEADS, ACTIVITIES, CONFIG) if (folder / name).exists()]
    if there:
        msg = f"{folder / there[0]} is there already: use --force to write over it"
        raise DataError(msg)
