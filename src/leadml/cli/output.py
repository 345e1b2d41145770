"""How commands print: one JSON object or a readable page on stdout, progress on stderr."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console

Report = Callable[[str, float], None]
"""Called by a workflow with what it is doing and the share done, in [0, 1]."""


def console(*, err: bool = False) -> "Console":
    """Return a rich console on stdout or stderr."""
    from rich.console import Console

    return Console(stderr=err, highlight=False, soft_wrap=True)


def emit(payload: Mapping[str, Any], as_json: bool, show: "Callable[[Console], None]") -> None:
    """Print the payload as one JSON object, or let `show` draw it for a person."""
    if as_json:
        click.echo(json.dumps(payload, allow_nan=False, ensure_ascii=False))
    else:
        show(console())


def say(text: str) -> None:
    """Print one note on stderr."""
    click.echo(text, err=True)


@contextmanager
def progress(title: str) -> Iterator[Report]:
    """Show a progress bar on stderr (only on a terminal) while a workflow reports its steps."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    screen = console(err=True)
    with Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as bar:
        task = bar.add_task(title, total=1.0)

        def report(step: str, share: float) -> None:
            bar.update(task, description=step, completed=share)

        yield report
