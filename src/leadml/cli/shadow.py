"""`leadml shadow`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from leadml.cli.options import config_option, json_option
from leadml.cli.output import emit, progress

if TYPE_CHECKING:
    from rich.console import Console

    from leadml.workflows.shadow import Shadowed


@click.command("shadow")
@config_option
@json_option
def command(config: Path | None, as_json: bool) -> None:
    """Compare the challenger in the shadow with the champion, on the leads that both scored.

    With `[serve] shadow = 0.1` a running service lets the challenger score a tenth of the leads,
    too. This holds both against each other, and against what became of the leads by now. Look as
    often as you like: in all looks together nobody is called better falsely but in 5 %.

    \b
    Examples:
      leadml shadow
      leadml shadow --json
    """
    from leadml.workflows.shadow import shadow

    with progress("shadow") as told:
        found = shadow(config=config, progress=told)
    emit(found.to_dict(), as_json, lambda out: _show(found, out))


def _show(found: "Shadowed", out: "Console") -> None:
    values = found.values
    for said in values["told"]:
        out.print(said, markup=False)
    for one in values["comparisons"]:
        _show_one(one, out)


def _show_one(one: dict[str, Any], out: "Console") -> None:
    from rich.table import Table

    days = f"{one['from'][:10]} to {one['to'][:10]}"
    title = f"Version {one['challenger']} in the shadow of version {one['champion']}, {days}"
    table = Table("", "champion", "challenger", title=title, title_justify="left")
    p, decision, outcomes = one["probability"], one["decision"], one["outcomes"]
    only, loss = decision["ready_only"], outcomes["log_loss"]
    table.add_row("mean probability", f"{p['champion']:.3f}", f"{p['challenger']:.3f}")
    table.add_row("ready for sales with it alone", *(f"{n:,}" for n in only.values()))
    if loss is not None:
        table.add_row("log loss", f"{loss['champion']:.4f}", f"{loss['challenger']:.4f}")
    out.print(table)
    share = decision["share"]
    out.print(
        f"{one['leads']:,} leads scored by both: the decision differs for "
        f"{decision['differ']:,}{'' if share is None else f' ({share:.1%})'}, probabilities by "
        f"{p['mean_difference']:.3f} on average and {p['largest_difference']:.3f} at most."
    )
    if loss is not None:
        out.print(
            f"{outcomes['leads']:,} of them have matured, {outcomes['won']:,} were won: log loss "
            f"of the champion less the challenger's {loss['difference']:+.4f}{_interval(loss)}."
        )
    for said in (outcomes["verdict"], *outcomes["told"]):
        out.print(said, markup=False)


def _interval(loss: dict[str, Any]) -> str:
    if loss["low"] is None:
        return ""
    return f" ({loss['low']:+.4f} to {loss['high']:+.4f} at 95 %, however often you look)"
