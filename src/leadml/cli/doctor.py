"""`leadml doctor`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from leadml.cli.options import config_option, json_option
from leadml.cli.output import emit

if TYPE_CHECKING:
    from rich.console import Console

    from leadml.workflows.check_up import Check

_COLOURS = {"ok": "green", "warning": "yellow", "problem": "bold red"}


@click.command("doctor")
@config_option
@click.option(
    "--url",
    default="",
    metavar="ADDRESS",
    help="Ask the service that runs there, too, such as http://127.0.0.1:8000.",
)
@json_option
@click.pass_context
def command(ctx: click.Context, config: Path | None, url: str, as_json: bool) -> None:
    """Look at configuration, model, database, disk, clock and keys, and say what is wrong.

    Nothing is changed. The exit code is 1 where there is a problem; warnings leave it 0.

    \b
    Examples:
      leadml doctor
      leadml doctor --url http://127.0.0.1:8000
      leadml doctor --json
    """
    from leadml.workflows.doctor import doctor

    checks = doctor(config, url=url)
    problems = sum(check.status == "problem" for check in checks)
    warnings = sum(check.status == "warning" for check in checks)
    told = {"checks": [check.to_dict() for check in checks]}
    emit(
        told | {"problems": problems, "warnings": warnings},
        as_json,
        lambda out: _show(checks, problems, warnings, out),
    )
    if problems:
        ctx.exit(1)


def _show(checks: "list[Check]", problems: int, warnings: int, out: "Console") -> None:
    from rich.text import Text

    width = max(len(check.name) for check in checks)
    for check in checks:
        line = Text(f"{check.status:8}", _COLOURS[check.status])
        line.append(f"{check.name:{width}}  ", "bold").append(check.found, "")
        out.print(line)
        if check.advice:
            out.print(f"{'':{width + 10}}{check.advice} [{check.code}]", markup=False)
    out.print(f"{_counted(problems, 'problem')}, {_counted(warnings, 'warning')}.", style="bold")


def _counted(number: int, what: str) -> str:
    return f"{number or 'no'} {what}{'' if number == 1 else 's'}"
