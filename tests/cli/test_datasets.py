"""`leadml datasets` as people type it."""

import io
import json
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from leadml.cli.main import main


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def mirror(datasets: Path) -> Iterator[str]:
    """A server on loopback that offers one of the published files in a zip archive."""
    name = "online_shoppers_intention.csv"
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(datasets / name, name)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(content.getvalue())

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/shoppers.zip"
    server.shutdown()
    thread.join()
    server.server_close()


def test_fetch_from_a_mirror_then_prepare(mirror: str, tmp_path: Path) -> None:
    fetched = run("datasets", "fetch", "shoppers", "--to", tmp_path, "--url", mirror, "--json")
    assert fetched.exit_code == 0, fetched.stderr
    said = json.loads(fetched.stdout)
    assert said["name"] == "online-shoppers"
    assert said["fetched"] is True
    assert said["sha256"].startswith("1dccbeb02936")
    kept = run("datasets", "fetch", "shoppers", "--to", tmp_path, "--url", mirror)
    assert kept.stdout == (
        f"{tmp_path / 'online_shoppers_intention.csv'}: there already, checksum as published\n"
    )
    prepared = run("datasets", "prepare", "shoppers", tmp_path, tmp_path / "out")
    assert prepared.exit_code == 0, prepared.stderr
    config = tmp_path / "out" / "leadml.toml"
    leads = tmp_path / "out" / "leads.csv"
    assert f"{leads}: 12,330 leads\n" in prepared.stdout
    assert prepared.stdout.endswith(f"next: leadml train {leads} --config {config}\n")
    assert prepared.stderr == ""


def test_what_was_fetched_says_from_where(mirror: str, tmp_path: Path) -> None:
    fetched = run("datasets", "fetch", "shoppers", "--to", tmp_path, "--url", mirror)
    assert f"fetched from {mirror}, checksum as published" in fetched.stdout


def test_activities_are_named_in_the_next_command(tmp_path: Path) -> None:
    (tmp_path / "cases.csv").write_text("case_id,reg_date,amount_req\n1,2011-10-01T00:00:00Z,5\n")
    (tmp_path / "events.csv").write_text(
        "case_id,timestamp,activity,lifecycle,resource\n"
        "1,2011-10-01T00:00:00Z,A_SUBMITTED,COMPLETE,112\n"
    )
    prepared = run("datasets", "prepare", "bpi", tmp_path, tmp_path / "out")
    assert prepared.exit_code == 0, prepared.stderr
    activities = tmp_path / "out" / "activities.csv"
    assert f"{activities}: 1 activities\n" in prepared.stdout
    assert f"--activities {activities} --config" in prepared.stdout


def test_a_file_that_is_not_the_published_one_is_warned_of(tmp_path: Path) -> None:
    file = tmp_path / "Salvirt_B2B_ML_dataset_HF.csv"
    file.write_text("Seller;Source;Budgt_alloc;Status\nSeller 1;Media;Yes;Won\n")
    prepared = run("datasets", "prepare", "salvirt", file, tmp_path / "out", "--json")
    assert prepared.exit_code == 0
    assert prepared.stderr.startswith(f"warning: {file} is not the published file")
    assert json.loads(prepared.stdout)["warnings"][0].startswith(str(file))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("fetch", "salvirt"), "leadml: salvirt-b2b has no official address to fetch from"),
        (("fetch", "bank", "--url", "bank.zip"), "leadml: bank.zip is no http or https address"),
        (("prepare", "none", ".", "out"), "leadml: no data set is called 'none'"),
        (("prepare", "bank", "nowhere", "out"), "leadml: nowhere does not exist, the file of bank"),
    ],
)
def test_refusals_are_one_line(
    arguments: tuple[str, ...], expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    refused = run("datasets", *arguments)
    assert refused.exit_code == 1
    assert refused.stdout == ""
    assert refused.stderr.startswith(expected)
    assert refused.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
