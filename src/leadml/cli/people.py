"""How the commands print representatives."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

MOST_SHOWN = 20


def show_people(people: dict[str, Any] | None, out: "Console") -> None:
    """Print the representatives, those with most leads first; nothing where no owner is mapped."""
    if people is None:
        return
    if people["reps"]:
        out.print(_table(people))
    for sentence in people["sentences"]:
        out.print(sentence, markup=False)
    if people["reps"]:
        out.print("That is an association: leads were not given out at random.")


def _table(people: dict[str, Any]) -> Any:
    from rich.table import Table
    from rich.text import Text

    from leadml.pages.html import count, percent

    table = Table(title="representatives", title_justify="left", box=None, pad_edge=False)
    table.add_column("")
    for name in ("leads", "won", "closed", "expected", "at team mix", "bounds", "told"):
        table.add_column(name, justify="right", no_wrap=True)
    for rep in people["reps"][:MOST_SHOWN]:
        rates = [percent(rep[name]) for name in ("rate", "expected", "at_team_mix")]
        bounds = f"{percent(rep['low'])} to {percent(rep['high'])}"
        counts = [count(rep[name]) for name in ("leads", "won")]
        table.add_row(Text(rep["owner"]), *counts, *rates, bounds, rep["told"].split()[0])
    if len(people["reps"]) > MOST_SHOWN:
        table.add_row(f"and {len(people['reps']) - MOST_SHOWN} more: see --json")
    return table
