"""Fetching from a server on loopback: the checksum decides, nothing is ever half written."""

import hashlib
import io
import zipfile
from pathlib import Path

import pytest

from leadml.data.datasets.catalogue import Dataset, find_dataset
from leadml.data.datasets.download import fetch_dataset
from leadml.errors import DataError

CONTENT = b"age;month;y\n31;may;no\n45;may;yes\n"
FILE = "leads-full.csv"


def dataset(url: str | None = None, content: bytes = CONTENT) -> Dataset:
    """A data set whose published file is `content`."""
    checksum = hashlib.sha256(content).hexdigest()
    return Dataset(name="tiny", aliases=(), about="A test", file=FILE, sha256=checksum, url=url)


def zipped(members: dict[str, bytes]) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, content in members.items():
            opened.writestr(name, content)
    return archive.getvalue()


def test_a_file_in_a_zip_in_a_zip_is_found(site, tmp_path: Path) -> None:
    inner = zipped({"full/" + FILE: CONTENT, "__MACOSX/._" + FILE: b"junk"})
    site.pages["/set.zip"] = zipped({"other.zip": zipped({"a.csv": b"a"}), "full.zip": inner})
    fetched = fetch_dataset(dataset(f"{site.address}/set.zip"), tmp_path / "new" / "folder")
    assert fetched.path == tmp_path / "new" / "folder" / FILE
    assert fetched.path.read_bytes() == CONTENT
    assert fetched.url == f"{site.address}/set.zip"
    assert fetched.sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert [p.name for p in fetched.path.parent.iterdir()] == [FILE]


def test_of_several_members_of_that_name_the_checksum_picks_one(site, tmp_path: Path) -> None:
    site.pages["/set.zip"] = zipped({"doctored/" + FILE: b"wrong", "sound/" + FILE: CONTENT})
    fetch_dataset(dataset(f"{site.address}/set.zip"), tmp_path)
    assert (tmp_path / FILE).read_bytes() == CONTENT


def test_a_mirror_may_serve_the_bare_file(site, tmp_path: Path) -> None:
    site.pages["/file"] = CONTENT
    fetched = fetch_dataset(dataset(), tmp_path, url=f"{site.address}/file")
    assert fetched.path.read_bytes() == CONTENT


def test_a_redirection_is_followed(site, tmp_path: Path) -> None:
    site.pages["/new"] = CONTENT
    site.redirects["/old"] = "/new"
    fetch_dataset(dataset(f"{site.address}/old"), tmp_path)
    assert site.asked == ["/old", "/new"]


def test_a_redirection_to_a_local_file_is_refused(site, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(CONTENT)
    site.redirects["/old"] = secret.as_uri()
    with pytest.raises(DataError, match="could not be fetched"):
        fetch_dataset(dataset(f"{site.address}/old"), tmp_path / "to")


def test_a_file_already_there_is_kept_without_asking(site, tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(CONTENT)
    fetched = fetch_dataset(dataset(f"{site.address}/set.zip"), tmp_path)
    assert fetched.url == ""
    assert site.asked == []


def test_another_file_in_its_place_is_never_written_over(site, tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"mine")
    site.pages["/file"] = CONTENT
    with pytest.raises(DataError, match=r"is there but is not the published file: sha256"):
        fetch_dataset(dataset(f"{site.address}/file"), tmp_path)
    assert (tmp_path / FILE).read_bytes() == b"mine"
    assert site.asked == []


def test_other_content_is_refused_and_not_written(site, tmp_path: Path) -> None:
    site.pages["/set.zip"] = zipped({FILE: b"doctored"})
    expected = hashlib.sha256(CONTENT).hexdigest()[:12]
    with pytest.raises(DataError, match=rf"expected the published {FILE} with sha256 {expected}"):
        fetch_dataset(dataset(f"{site.address}/set.zip"), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_archive_without_the_file_is_refused(site, tmp_path: Path) -> None:
    site.pages["/set.zip"] = zipped({"readme.txt": b"hello"})
    with pytest.raises(DataError, match=f"holds no {FILE}, expected the published"):
        fetch_dataset(dataset(f"{site.address}/set.zip"), tmp_path)


def test_archives_nested_too_deep_are_not_followed(site, tmp_path: Path) -> None:
    content = zipped({FILE: CONTENT})
    for _ in range(4):
        content = zipped({"next.zip": content})
    site.pages["/set.zip"] = content
    with pytest.raises(DataError, match=f"holds no {FILE}"):
        fetch_dataset(dataset(f"{site.address}/set.zip"), tmp_path)


def test_a_damaged_archive_is_refused(site, tmp_path: Path) -> None:
    content = bytearray(zipped({FILE: CONTENT * 100}))
    content[50:60] = b"0123456789"  # inside the member's compressed data
    site.pages["/set.zip"] = bytes(content)
    with pytest.raises(DataError, match="holds a damaged archive"):
        fetch_dataset(dataset(f"{site.address}/set.zip"), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_download_larger_than_allowed_is_refused(site, tmp_path: Path) -> None:
    site.pages["/file"] = b"x" * 2000
    with pytest.raises(DataError, match="holds more than 1,000 bytes"):
        fetch_dataset(dataset(f"{site.address}/file"), tmp_path, largest=1000)


def test_a_member_that_unpacks_to_more_than_allowed_is_refused(site, tmp_path: Path) -> None:
    site.pages["/set.zip"] = zipped({FILE: b"0" * 100_000})
    assert len(site.pages["/set.zip"]) < 1000
    with pytest.raises(DataError, match=f"{FILE} unpacks to more than 1,000 bytes"):
        fetch_dataset(dataset(f"{site.address}/set.zip"), tmp_path, largest=1000)


def test_a_download_that_breaks_off_is_refused(site, tmp_path: Path) -> None:
    site.pages["/file"] = CONTENT
    site.broken.add("/file")
    # The server announces five bytes more than it sends.
    expected = rf"broke off at {len(CONTENT)} of {len(CONTENT) + 5} bytes"
    with pytest.raises(DataError, match=expected):
        fetch_dataset(dataset(f"{site.address}/file"), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_says_nothing_is_given_up(site, tmp_path: Path) -> None:
    site.silent.add("/file")
    with pytest.raises(DataError, match="could not be fetched: timed out"):
        fetch_dataset(dataset(f"{site.address}/file"), tmp_path, timeout=0.2)


def test_an_address_that_is_not_there(site, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="could not be fetched: HTTP Error 404: Not Found"):
        fetch_dataset(dataset(f"{site.address}/none"), tmp_path)


@pytest.mark.parametrize("url", ["file:///etc/hostname", "ftp://127.0.0.1/x", "leads.zip"])
def test_only_web_addresses_are_fetched(url: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is no http or https address"):
        fetch_dataset(dataset(), tmp_path, url=url)


def test_progress_is_told(site, tmp_path: Path) -> None:
    site.pages["/file"] = b"a" * 200_000
    steps: list[tuple[str, float]] = []
    fetch_dataset(
        dataset(f"{site.address}/file", b"a" * 200_000),
        tmp_path,
        progress=lambda step, share: steps.append((step, share)),
    )
    shares = [share for step, share in steps if step == "downloading"]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert steps[-1] == ("checking", 1.0)


def test_a_set_without_an_address_says_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="salvirt-b2b has no official address"):
        fetch_dataset(find_dataset("salvirt"), tmp_path)


def test_a_place_that_cannot_be_written_to(site, tmp_path: Path) -> None:
    site.pages["/file"] = CONTENT
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(DataError, match=f"{FILE} cannot be written"):
        fetch_dataset(dataset(f"{site.address}/file"), tmp_path / "file")
