"""Every command explains itself, with examples that are not run together."""

from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from leadml.cli.main import COMMANDS, main


def commands() -> Iterator[tuple[str, ...]]:
    for name in COMMANDS:
        command = main.get_command(click.Context(main), name)
        if isinstance(command, click.Group):
            yield from ((name, verb) for verb in command.commands)
        else:
            yield (name,)


@pytest.mark.parametrize("words", list(commands()), ids=" ".join)
def test_help_shows_each_example_on_a_line_of_its_own(words: tuple[str, ...]) -> None:
    shown = CliRunner().invoke(main, [*words, "--help"]).stdout
    assert "\\b" not in shown
    examples = shown.split("Examples:\n")[1].split("\n\n")[0].splitlines()
    assert examples
    assert all(line.startswith("  ") for line in examples)
    assert any(line.strip().startswith(f"leadml {' '.join(words)}") for line in examples)
    assert all(line.count("leadml ") <= 1 for line in examples)
