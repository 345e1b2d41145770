"""`leadml models`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from leadml.cli.options import config_option, json_option
from leadml.cli.output import emit

if TYPE_CHECKING:
    from rich.console import Console

    from leadml.workflows.models import Version


@click.command("models")
@config_option
@json_option
def command(config: Path | None, as_json: bool) -> None:
    """List the versions beside the configuration, and who serves.

    \b
    Examples:
      leadml models
      leadml models --json
    """
    from leadml.workflows.models import models

    found = models(config)
    emit({"models": [v.to_dict() for v in found]}, as_json, lambda out: _show(found, out))


def _show(found: "list[Version]", out: "Console") -> None:
    from rich.table import Table

    if not found:
        out.print("No versions yet: train one with `leadml train LEADS`.")
        return
    table = Table(box=None, pad_edge=False)
    for name in ("version", "alias", "trained", "form", "leads", "log loss", "cut", "basis"):
        table.add_column(name, no_wrap=True)
    for version in found:
        if not version.problem:
            table.add_row(*_cells(version))
    out.print(table)
    for version in found:
        if version.shadow is not None:
            share = f"{100 * version.shadow:.3g} % of the leads"
            out.print(f"Version {version.version} scores {share} in the shadow: `leadml shadow`.")
        if version.problem:
            where = f"version {version.version}" + (f" ({version.alias})" if version.alias else "")
            out.print(f"{where}: {version.problem}", markup=False)


def _cells(version: "Version") -> list[str]:
    known = version.manifest
    cut = known["threshold"]
    return [
        version.version,
        version.alias or "",
        known["trained_at"][:10],
        known["chosen"],
        str(known["leads"]),
        f"{known['out_of_time']['log_loss']:.4f}",
        "" if cut["probability"] is None else f"{cut['probability']:.3f}",
        cut["basis"],
    ]
