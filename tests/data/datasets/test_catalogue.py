"""Names and places of the public data sets."""

import hashlib
from pathlib import Path

import pytest

from leadml.data.datasets.catalogue import DATASETS, find_dataset, find_file, sha256_of
from leadml.errors import DataError


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("bank-marketing", "bank-marketing"),
        ("bank", "bank-marketing"),
        ("Online_Shoppers", "online-shoppers"),
        ("shoppers", "online-shoppers"),
        ("salvirt", "salvirt-b2b"),
        ("b2b", "salvirt-b2b"),
        ("bpi-2012", "bpi2012"),
        ("BPI2012", "bpi2012"),
    ],
)
def test_sets_answer_to_their_aliases(alias: str, name: str) -> None:
    assert find_dataset(alias).name == name


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(DataError, match="no data set is called 'bnak'; did you mean bank-market"):
        find_dataset("bnak")
    with pytest.raises(DataError, match="'xyz'; there are bank-marketing, online-shoppers, sal"):
        find_dataset("xyz")


def test_no_alias_means_two_sets() -> None:
    names = [name for dataset in DATASETS for name in (dataset.name, *dataset.aliases)]
    assert len(names) == len(set(names))


def test_what_can_be_fetched_has_an_official_address_and_a_checksum() -> None:
    fetched = {d.name: d for d in DATASETS if d.url}
    assert set(fetched) == {"bank-marketing", "online-shoppers"}
    for dataset in fetched.values():
        assert str(dataset.url).startswith("https://archive.ics.uci.edu/static/public/")
        assert len(str(dataset.sha256)) == 64
    assert "/222/" in str(fetched["bank-marketing"].url)
    assert "/468/" in str(fetched["online-shoppers"].url)


def test_the_file_is_found_itself_in_its_folder_or_in_a_folder_named_like_the_set(
    tmp_path: Path,
) -> None:
    bpi = find_dataset("bpi2012")
    inner = tmp_path / "bpi2012"
    inner.mkdir()
    (inner / "cases.csv").write_text("x")
    for source in (tmp_path, inner, inner / "cases.csv"):
        assert find_file(bpi, source) == inner / "cases.csv"


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    bank = find_dataset("bank")
    expected = "holds no bank-additional-full.csv, .* or leadml datasets fetch bank-marketing"
    with pytest.raises(DataError, match=expected):
        find_file(bank, tmp_path)
    with pytest.raises(DataError, match="nowhere does not exist, the file of salvirt-b2b"):
        find_file(find_dataset("salvirt"), tmp_path / "nowhere")


def test_sha256_is_of_the_content(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"abc")
    # FIPS 180-4, example B.1
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert sha256_of(tmp_path / "file") == expected == hashlib.sha256(b"abc").hexdigest()
