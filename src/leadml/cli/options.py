"""Options that several commands share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

leads_argument = click.argument("leads", metavar="LEADS", type=str)

config_option: Decorator = click.option(
    "--config",
    type=click.Path(path_type=Path),
    default=None,
    metavar="FILE",
    help="Configuration file.  [default: ./leadml.toml]",
)

json_option: Decorator = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object and nothing else on stdout."
)

as_of_option: Decorator = click.option(
    "--as-of",
    metavar="DATE",
    default=None,
    help="What counts as now: an ISO date (00:00 in the configured zone) or time; "
    "what lies after it is unknown.",
)

activities_option: Decorator = click.option(
    "--activities",
    metavar="FILE",
    default=None,
    help="Activity file: one timestamped touch a row (CSV or Parquet).",
)

history_option: Decorator = click.option(
    "--history",
    metavar="FILE",
    default=None,
    help="Attribute history: one change of a field a row (CSV or Parquet); columns are then used "
    "as they stood when their lead was judged.",
)

table_option: Decorator = click.option(
    "--table", metavar="NAME", default=None, help="Table to read when LEADS is a SQL URL."
)

seed_option: Decorator = click.option(
    "--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True, help="Random seed."
)

model_option: Decorator = click.option(
    "--model",
    default="champion",
    show_default=True,
    metavar="champion|challenger|N",
    help="Which version to use.",
)
