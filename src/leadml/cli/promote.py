"""`leadml promote`."""

from pathlib import Path

import click

from leadml.cli.options import config_option, json_option
from leadml.cli.output import emit

FOLLOWS = "A running service takes it up within about a second."


@click.command("promote")
@click.argument("version")
@config_option
@json_option
def command(version: str, config: Path | None, as_json: bool) -> None:
    """Make VERSION the champion, for the service and in MLflow.

    VERSION is a number that `leadml models` lists, `challenger`, or `previous`: the champion
    before the present one, to roll back (`leadml rollback`). A running service takes it up within
    about a second. A damaged version is refused.

    \b
    Examples:
      leadml promote 3
      leadml promote challenger
      leadml promote previous
    """
    from leadml.workflows.models import promote

    promoted = promote(version, config=config)
    emit(
        promoted.to_dict(),
        as_json,
        lambda out: out.print(f"Version {promoted.version} is champion. {FOLLOWS}"),
    )
