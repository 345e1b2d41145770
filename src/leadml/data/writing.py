"""Writing files whole: beside the place, then moved there, so that none is ever half written."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from leadml.errors import DataError

if TYPE_CHECKING:
    import pandas as pd


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file, making its folder if need be."""
    write_whole(path, lambda part: part.write_text(text, encoding="utf-8", newline="\n"))


def write_csv(path: Path, frame: "pd.DataFrame") -> None:
    """Write a frame as comma-separated UTF-8 text without its index."""
    write_whole(path, lambda part: frame.to_csv(part, index=False, lineterminator="\n"))


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` make the file beside `path`, then move it there.

    Raises
    ------
    DataError
        If the place cannot be written to; what stood there is then still there.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(part)
        part.replace(path)
    except OSError as error:
        msg = f"{path} cannot be written: {error.strerror or error}; choose another place"
        raise DataError(msg) from None
    finally:
        _remove(part)


def _remove(part: Path) -> None:
    try:
        part.unlink(missing_ok=True)
    except OSError:  # its folder is no folder: nothing was made
        return
