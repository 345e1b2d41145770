"""The public data sets leadml knows: names, official addresses, checksums."""

import difflib
import hashlib
from dataclasses import dataclass
from pathlib import Path

from leadml.errors import DataError

_UCI = "https://archive.ics.uci.edu/static/public"


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """One public data set.

    Attributes
    ----------
    name : str
        What the command line calls it.
    aliases : tuple of str
        Other names it answers to.
    about : str
        One line: what it holds, licence and source.
    file : str
        Name of its (main) file.
    sha256 : str or None
        Checksum of that file as published; None where none is recorded.
    url : str or None
        Official archive that holds the file; None where there is none to fetch from.
    """

    name: str
    aliases: tuple[str, ...]
    about: str
    file: str
    sha256: str | None = None
    url: str | None = None


DATASETS = (
    Dataset(
        name="bank-marketing",
        aliases=("bank",),
        about="UCI Bank Marketing: 41,188 phone leads in time order, 2008 to 2010 "
        "(CC BY 4.0; Moro, Cortez, Rita 2014, doi:10.1016/j.dss.2014.03.001)",
        file="bank-additional-full.csv",
        sha256="74adfc578bf77a7ff4bb1ba4a9f8709d9e3c6907342959c2c8416847e0afb4d8",
        url=f"{_UCI}/222/bank+marketing.zip",
    ),
    Dataset(
        name="online-shoppers",
        aliases=("shoppers", "online-shoppers-intention"),
        about="UCI Online Shoppers: 12,330 web sessions with page counts "
        "(CC BY 4.0; Sakar et al. 2018, doi:10.1007/s00521-018-3523-0)",
        file="online_shoppers_intention.csv",
        sha256="1dccbeb029369ceee2a94c6abf4f31952916176593722e895a2716d689eea023",
        url=f"{_UCI}/468/online+shoppers+purchasing+intention+dataset.zip",
    ),
    Dataset(
        name="salvirt-b2b",
        aliases=("salvirt", "b2b"),
        about="Salvirt B2B: 448 opportunities judged by sales experts "
        "(CC BY 4.0; Bohanec et al. 2017, doi:10.1016/j.eswa.2016.11.010)",
        file="Salvirt_B2B_ML_dataset_HF.csv",
        sha256="8dee635b95bdcb00896b654efe62fc20177090081c81ef5224e8641ba31c3061",
    ),
    Dataset(
        name="bpi2012",
        aliases=("bpi-2012", "bpi"),
        about="BPI Challenge 2012: 13,087 loan applications with every activity "
        "(4TU general terms of use; van Dongen 2012, "
        "doi:10.4121/uuid:3926db30-f712-4394-aebc-75976070e91f)",
        file="cases.csv",
    ),
)


def find_dataset(name: str) -> Dataset:
    """Return the data set of that name or alias, without regard to case and underscores.

    Raises
    ------
    DataError
        If there is none; the message names them all.
    """
    wanted = name.strip().casefold().replace("_", "-")
    by_name = {known: d for d in DATASETS for known in (d.name, *d.aliases)}
    if wanted in by_name:
        return by_name[wanted]
    near = difflib.get_close_matches(wanted, by_name, 1, 0.5)
    hint = f"did you mean {by_name[near[0]].name}? " if near else ""
    msg = f"no data set is called {name!r}; {hint}there are {', '.join(d.name for d in DATASETS)}"
    raise DataError(msg)


def find_file(dataset: Dataset, source: Path) -> Path:
    """Return the data set's file: `source` itself, or the file of its name in that folder.

    A folder may also hold it in a folder named like the data set.

    Raises
    ------
    DataError
        If it is not there.
    """
    if source.is_file():
        return source
    for place in (source / dataset.file, source / dataset.name / dataset.file):
        if place.is_file():
            return place
    what = f"holds no {dataset.file}" if source.is_dir() else "does not exist"
    how = f"leadml datasets fetch {dataset.name}" if dataset.url else "download it from its source"
    msg = f"{source} {what}, the file of {dataset.name}: name the file or its folder, or {how}"
    raise DataError(msg)


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file's content, in hexadecimal."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
