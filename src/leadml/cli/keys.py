"""`leadml keys`: who may ask the service what."""

import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from leadml.cli.options import config_option, json_option
from leadml.cli.output import emit, say
from leadml.domain.api_key import SCOPES, RateLimit, Scope, key_name, rate_limit, scope_names

if TYPE_CHECKING:
    from rich.console import Console

    from leadml.workflows.keys import NewKey

_LONGEST_DAYS = 90
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_ONCE = "This is shown once: only its digest is kept. Send it as 'Authorization: Bearer KEY'."


def _name(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    try:
        return key_name(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def _scopes(_context: click.Context, _parameter: click.Parameter, value: str) -> frozenset[Scope]:
    try:
        return scope_names([word.strip() for word in value.split(",")])
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def _limit(
    _context: click.Context, _parameter: click.Parameter, value: str | None
) -> RateLimit | None:
    try:
        return None if value is None else rate_limit(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def _span(_context: click.Context, _parameter: click.Parameter, value: str) -> timedelta:
    found = re.fullmatch(r"([0-9]{1,6})([mhd])|0", value)
    span = timedelta(**{_UNITS[found[2]]: int(found[1])}) if found and found[1] else timedelta(0)
    if not found or span > timedelta(days=_LONGEST_DAYS):
        msg = (
            f"expected 0, or minutes, hours or days such as 30m, 24h or 7d, {_LONGEST_DAYS}d at "
            f"most; found {value!r}"
        )
        raise click.BadParameter(msg)
    return span


_name_argument = click.argument("name", callback=_name)


@click.group("keys")
def command() -> None:
    """Make, list, exchange and revoke keys to the service.

    A key is shown once, when it is made: the keys file holds digests. A running service follows
    the file within a second; nothing has to be restarted.

    \b
    Examples:
      leadml keys add crm --scopes score,events
      leadml keys list
      leadml keys rotate crm --overlap 24h
      leadml keys revoke crm
    """


@command.command("add")
@_name_argument
@click.option(
    "--scopes",
    required=True,
    callback=_scopes,
    metavar="SCOPE,…",
    help=f"What it may do, separated by commas: {', '.join(SCOPES)}.",
)
@click.option(
    "--limit",
    callback=_limit,
    metavar="N/s|N/m|N/h",
    help="Most requests a second, minute or hour.  [default: as many as it likes]",
)
@click.option(
    "--expires",
    metavar="DATE",
    help="When it ends: an ISO date (00:00 in the configured zone) or time.  [default: never]",
)
@config_option
@json_option
def add(
    name: str,
    scopes: frozenset[Scope],
    limit: RateLimit | None,
    expires: str | None,
    config: Path | None,
    as_json: bool,
) -> None:
    """Make a key for NAME and print it, once.

    \b
    Examples:
      leadml keys add crm --scopes score,events
      leadml keys add hubspot-sandbox --scopes score --limit 50/s --expires 2027-01-31
      leadml keys add ada --scopes read,admin
    """
    from leadml.settings import load_settings
    from leadml.workflows.keys import add_key

    settings = load_settings(config)
    ends = _moment(expires, settings.definition.leads.timezone)
    _show_new(add_key(settings, name, scopes=scopes, limit=limit, expires_at=ends), as_json)


@command.command("list")
@config_option
@json_option
def list_command(config: Path | None, as_json: bool) -> None:
    """List the keys of the keys file: what they may do, never what they are.

    \b
    Examples:
      leadml keys list
      leadml keys list --json
    """
    from leadml.workflows.keys import keys_path, list_keys

    found = list_keys(config)
    file = str(keys_path(config))
    emit({"file": file, "keys": found}, as_json, lambda out: _show_keys(file, found, out))


@command.command("rotate")
@_name_argument
@click.option(
    "--overlap",
    default="24h",
    show_default=True,
    callback=_span,
    metavar="30m|24h|7d|0",
    help="How long the present key keeps working; 0 ends it at once.",
)
@config_option
@json_option
def rotate(name: str, overlap: timedelta, config: Path | None, as_json: bool) -> None:
    """Make a new key for NAME; the present one keeps working for a while.

    \b
    Examples:
      leadml keys rotate crm
      leadml keys rotate crm --overlap 7d
    """
    from leadml.workflows.keys import rotate_key

    _show_new(rotate_key(config, name, overlap=overlap), as_json)


@command.command("revoke")
@_name_argument
@config_option
@json_option
def revoke(name: str, config: Path | None, as_json: bool) -> None:
    """Take the key of NAME away: it ends at once, and the sessions it opened end with it.

    \b
    Examples:
      leadml keys revoke crm
    """
    from leadml.workflows.keys import revoke_key

    gone = revoke_key(config, name)
    emit({"revoked": gone}, as_json, lambda out: out.print(f"Revoked {name}.", markup=False))


def _moment(text: str | None, timezone: str) -> datetime | None:
    from leadml.data.values import NotUsableError, time_reader

    if text is None:
        return None
    try:
        return time_reader(ZoneInfo(timezone), None)(text)
    except NotUsableError as error:
        msg = f"--expires: {error}"
        raise click.UsageError(msg) from None


def _show_new(made: "NewKey", as_json: bool) -> None:
    known = made.to_dict()

    def show(out: "Console") -> None:
        out.print(made.key, markup=False)

    emit(known, as_json, show)
    if as_json:
        return
    say(f"{_ONCE} {known['name']} may: {', '.join(known['scopes'])}.")
    if known["old_key_until"]:
        say(f"The key before keeps working until {_minute(known['old_key_until'])} UTC.")


_COLUMNS = {
    "name": "name",
    "id": "id",
    "scopes": "may",
    "limit": "limit",
    "created_at": "created",
    "expires_at": "expires",
    "rotated_at": "rotated",
}


def _show_keys(file: str, keys: list[dict[str, Any]], out: "Console") -> None:
    from rich.table import Table

    if not keys:
        out.print(f"No keys in {file}: make one with leadml keys add NAME.", markup=False)
        return
    table = Table(box=None, pad_edge=False)
    for title in _COLUMNS.values():
        table.add_column(title, no_wrap=title != "may")
    for key in keys:
        table.add_row(*(_cell(key, column) for column in _COLUMNS))
    out.print(table)
    for key in keys:
        if key["expired"]:
            out.print(f"{key['name']} has expired: revoke it, or add it anew.", markup=False)
        elif key["old_key_until"]:
            until = _minute(key["old_key_until"])
            out.print(f"{key['name']}: the key before works until {until} UTC.", markup=False)


def _cell(key: dict[str, Any], column: str) -> str:
    value = key[column]
    if value is None:
        return "–"
    if column == "scopes":
        return ", ".join(value)
    return value[:10] if column.endswith("_at") else str(value)


def _minute(moment: str) -> str:
    return moment[:16].replace("T", " ")
