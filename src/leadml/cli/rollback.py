"""`leadml rollback`."""

from pathlib import Path

import click

from leadml.cli.options import config_option, json_option
from leadml.cli.output import emit
from leadml.cli.promote import FOLLOWS


@click.command("rollback")
@config_option
@json_option
def command(config: Path | None, as_json: bool) -> None:
    """Make the champion before the present one champion again.

    The same as `leadml promote previous`. It needs nothing of the present champion: roll back from
    one that is damaged, too. A running service follows within about a second; once more returns.

    \b
    Examples:
      leadml rollback
      leadml rollback --json
    """
    from leadml.workflows.models import promote

    promoted = promote("previous", config=config)
    emit(
        promoted.to_dict(),
        as_json,
        lambda out: out.print(f"Version {promoted.version} is champion again. {FOLLOWS}"),
    )
