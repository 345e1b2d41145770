"""`leadml serve`."""

from pathlib import Path
from typing import Literal

import click

from leadml.cli.options import config_option
from leadml.cli.output import say


@click.command("serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=8000,
    show_default=True,
    help="Port to listen on; 0 picks a free one.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="Processes that answer; one that ends is replaced.",
)
@click.option(
    "--log-format",
    type=click.Choice(["json", "text"]),
    default=None,
    help="Form of the log on stderr.  [default: text on a terminal, else json]",
)
@config_option
def command(
    host: str,
    port: int,
    workers: int,
    log_format: Literal["json", "text"] | None,
    config: Path | None,
) -> None:
    """Answer scores over HTTP, record them and what becomes of leads, and show it all as web pages.

    Callers send a key that leadml keys add made, or one of LEADML_API_KEYS (comma separated), as
    "Authorization: Bearer KEY" or "X-API-Key: KEY"; its scopes say what it may do. Without any key
    only this machine is answered. The ledger of [store] url takes every score given, and the
    events that POST /v1/events brings. A browser at its address shows report, leads, models and
    agreement; people sign in with a key that has the
    scope read. GET /docs describes the requests.

    \b
    Examples:
      leadml serve
      LEADML_API_KEYS=KEY leadml serve --host 0.0.0.0 --port 8080
      leadml serve --workers 4 --log-format json
    """
    from leadml.api.server import serve
    from leadml.settings import load_settings

    settings = load_settings(config)
    serve(settings, host=host, port=port, workers=workers, log_format=log_format, say=say)
