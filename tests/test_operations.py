"""The container file, the unit and the metrics of the operations page are those of this leadml."""

import json
import re
import shlex
import shutil
import subprocess
import tomllib
from itertools import pairwise
from pathlib import Path

import click
import pytest

from leadml.cli.main import main

PAGE = (Path(__file__).parents[1] / "docs" / "operations.md").read_text("utf-8")
SOURCES = Path(__file__).parents[1] / "src"
SOURCE = "\n".join(path.read_text("utf-8") for path in SOURCES.rglob("*.py"))


def block(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    return str(found)


def commands() -> list[list[str]]:
    """Return every leadml command line of the container file, the unit and the shell examples."""
    found = [
        json.loads(words) for words in re.findall(r"^CMD (\[.*\])$", block("dockerfile"), re.M)
    ]
    found += [shlex.split(line) for line in re.findall(r"^ExecStart=(.*)$", block("ini"), re.M)]
    shell = "\n".join(re.findall(r"^```sh\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE))
    lines = [shlex.split(line, comments=True) for line in shell.replace("\\\n", " ").splitlines()]
    found += [
        words[words.index("leadml", words.index("leadml") + 1) :]
        for words in lines
        if _in_a_container(words)
    ]
    return [words for words in found if Path(words[0]).name == "leadml"]


def _in_a_container(words: list[str]) -> bool:
    """Tell whether an image or container called leadml is to run leadml."""
    return words[:1] == ["docker"] and ("leadml", "leadml") in pairwise(words)


def test_what_the_service_needs_is_there_before_it_starts() -> None:
    shell = "\n".join(re.findall(r"^```sh\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE))
    steps = ["docker build", "tar -cf - leadml.toml models", "leadml keys add", "docker run -d"]
    assert sorted(steps, key=shell.index) == steps


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_commands_are_understood(words: list[str]) -> None:
    command: click.Command = main
    context, rest = click.Context(main), words[1:]
    while isinstance(command, click.Group):
        found = command.get_command(context, rest[0])
        assert found is not None
        command, rest = found, rest[1:]
    assert command.make_context(command.name, rest).params


def test_there_are_commands_of_all_three() -> None:
    assert [words[1] for words in commands()] == ["serve", "serve", "keys", "doctor"]


def test_the_build_gets_what_it_needs_and_nothing_that_is_not_in_it() -> None:
    root = Path(__file__).parents[1]
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    needed = {"src", "pyproject.toml", "requirements.lock", project["readme"]}
    first, *rest = (root / ".dockerignore").read_text("utf-8").splitlines()[1:]
    assert first == "*"
    assert {line[1:] for line in rest if line.startswith("!")} == needed.union(
        project["license-files"]
    )


def test_variables_are_known() -> None:
    named = set(re.findall(r"LEADML_\w+", block("ini") + block("dockerfile")))
    assert named
    assert {name.removesuffix("_FILE") for name in named} <= set(re.findall(r"LEADML_\w+", SOURCE))


def test_the_container_runs_without_rights_and_asks_for_its_health() -> None:
    file = block("dockerfile")
    lines = file.replace("\\\n", " ").splitlines()
    verbs = [line.split()[0] for line in lines if line]
    assert verbs.index("USER") < verbs.index("CMD")
    assert "USER 10001" in lines
    assert "/readyz" in next(line for line in lines if line.startswith("HEALTHCHECK"))
    assert "SECRET" not in file
    assert "KEY" not in file


def test_the_unit_is_one(tmp_path: Path) -> None:
    analyse = shutil.which("systemd-analyze")
    if analyse is None:
        pytest.skip("there is no systemd-analyze here")
    unit = tmp_path / "leadml.service"
    here = block("ini").replace("/opt/leadml/bin/leadml", "/bin/true").replace("User=leadml", "")
    unit.write_text(here)
    done = subprocess.run(
        [analyse, "verify", "--man=no", "--recursive-errors=no", str(unit)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert [line for line in done.stderr.splitlines() if "leadml.service" in line] == []


def test_every_metric_is_told_and_every_metric_told_exists() -> None:
    places = ("monitoring/metrics.py", "serving/readings.py")
    files = [SOURCES / "leadml" / "api" / place for place in places]
    content = "".join(file.read_text("utf-8") for file in files)
    names = set(re.findall(r'"(leadml_[a-z_]+)"', content))
    told = set(re.findall(r"`(leadml_[a-z_]+)`", "\n".join(re.findall(r"^\| `.*$", PAGE, re.M))))
    assert told == names
