import gzip
from pathlib import Path

import pytest

from leadml.data.encoding import CHUNK, Encoding, encoding_of, open_content
from leadml.errors import DataError

TEXT = "lead_id,name\n1,Müller – Straße\n2,José\n"


def file(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "leads.csv"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (TEXT.encode(), Encoding("utf-8-sig")),
        (TEXT.encode("utf-8-sig"), Encoding("utf-8-sig")),
        (TEXT.encode("utf-16"), Encoding("utf-16")),
        (b"\xfe\xff" + TEXT.encode("utf-16-be"), Encoding("utf-16")),
        (TEXT.encode("utf-16-le"), Encoding("utf-16-le")),
        (TEXT.encode("utf-16-be"), Encoding("utf-16-be")),
        (TEXT.encode("utf-32"), Encoding("utf-32")),
        (TEXT.encode("cp1252"), Encoding("cp1252", guessed=True)),
        (b"name\nM\xfcller \x81\n", Encoding("latin-1", guessed=True)),  # 0x81 is not in cp1252
        ("имя;город\nИванов;Москва\nПётр;Тверь\n".encode("cp1251"), Encoding("cp1251", True)),
        ("名前;会社\n東京都渋谷区;株式会社\n".encode("shift_jis"), Encoding("shift_jis", True)),
    ],
)
def test_encodings(tmp_path: Path, content: bytes, encoding: Encoding) -> None:
    assert encoding_of(file(tmp_path, content)) == encoding


def test_a_letter_may_stand_across_two_chunks(tmp_path: Path) -> None:
    content = b"a" * (CHUNK - 1) + "ü".encode() + b"b"
    assert encoding_of(file(tmp_path, content)).name == "utf-8-sig"


def test_an_accent_far_down_the_file_counts(tmp_path: Path) -> None:
    content = b"plain,text\n" * (CHUNK // 5) + b"M\xfcller,x\n"
    assert encoding_of(file(tmp_path, content)) == Encoding("cp1252", guessed=True)


def test_a_letter_cut_off_at_the_end_is_not_utf8(tmp_path: Path) -> None:
    assert encoding_of(file(tmp_path, b"a,b\n1,\xc3")) == Encoding("cp1252", guessed=True)


@pytest.mark.parametrize(
    "text",
    [
        "Ärger über Öl in Köln, Müller & Söhne, größere Äpfel für Jörg\n",  # 11 of 49 letters
        "äöü,ÄÖÜ\n",  # nearly all, but too few to tell another script
    ],
)
def test_accents_are_no_other_script(tmp_path: Path, text: str) -> None:
    assert encoding_of(file(tmp_path, text.encode("cp1252"))).name == "cp1252"


def test_gzip_is_seen_by_content(tmp_path: Path) -> None:
    path = file(tmp_path, gzip.compress(TEXT.encode("utf-16")))
    assert encoding_of(path).name == "utf-16"
    with open_content(path) as content:
        assert content.read().decode("utf-16") == TEXT


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty: expected a header"),
        (gzip.compress(b""), "is empty"),
        (gzip.compress(b"a,b\n1,2\n" * 99)[:-20], "is damaged: its gzip stream"),
        (b"\x1f\x8b\x08garbage!!!!!!!!", "is damaged: its gzip stream"),
        (b"PK\x03\x04....", r"Excel workbook \(.xlsx\).*save the sheet as CSV"),
        (b"\xd0\xcf\x11\xe0....", "old Excel workbook"),
        (b"%PDF-1.7", "is a PDF"),
        (b"SQLite format 3\0....", "is an SQLite database.*sqlite:///FILE with --table"),
        (b"ARROW1\0\0", "Feather"),
        (b"BZh91AY", "bzip2"),
        (b"\x80\x05\x95\x10", "a Python pickle, which leadml never opens"),
        (b"<html><table>", "looks like HTML or XML"),
        (b"\xef\xbb\xbf <?xml", "looks like HTML or XML"),
        (b'[{"a": 1}]', "looks like JSON"),
        (b'{"a": 1}', "looks like JSON"),
        (b"a,b\n1,\0\n", "byte 7 is NUL"),
        (b"\0a,b\n1,2\n", "byte 1 is NUL"),
        (b"a,b\n" + bytes(range(1, 32)) * 9, "control characters"),
    ],
)
def test_what_is_no_table_of_text(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        encoding_of(file(tmp_path, content))
