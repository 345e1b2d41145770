"""Preparing a public data set: its file found, checked and turned into leads and activities."""

from collections.abc import Callable
from pathlib import Path

from leadml.data.datasets.bank_marketing import prepare_bank_marketing
from leadml.data.datasets.bpi2012 import prepare_bpi2012
from leadml.data.datasets.catalogue import Dataset, find_file, sha256_of
from leadml.data.datasets.online_shoppers import prepare_online_shoppers
from leadml.data.datasets.prepared import Prepared
from leadml.data.datasets.salvirt_b2b import prepare_salvirt_b2b

_PREPARE: dict[str, Callable[[Path], Prepared]] = {
    "bank-marketing": prepare_bank_marketing,
    "online-shoppers": prepare_online_shoppers,
    "salvirt-b2b": prepare_salvirt_b2b,
    "bpi2012": prepare_bpi2012,
}


def prepare_dataset(dataset: Dataset, source: Path) -> tuple[Prepared, tuple[str, ...]]:
    """Turn the downloaded file, or the folder that holds it, into leads and activities.

    Returns
    -------
    prepared : Prepared
        What to train on.
    warnings : tuple of str
        Whether the file is not the published one.

    Raises
    ------
    DataError
        If the file is not there or not of the published shape.
    """
    path = find_file(dataset, source)
    prepared = _PREPARE[dataset.name](path)
    found = sha256_of(path)
    if dataset.sha256 in {None, found}:
        return prepared, ()
    warning = (
        f"{path} is not the published file (sha256 {found[:12]}…, expected "
        f"{str(dataset.sha256)[:12]}…): figures from it are not comparable"
    )
    return prepared, (warning,)
