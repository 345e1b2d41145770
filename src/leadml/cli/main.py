"""The `leadml` command: finds the verb, runs it, prints refusals on one line."""

import json
import sys
from importlib import import_module

import click

import leadml
from leadml.errors import LeadmlError

COMMANDS = {
    "init": "Write a leadml.toml for an export, with guesses and their grounds.",
    "check": "Look an export over and list what is wrong with it.",
    "train": "Learn from past leads; register the version.",
    "evaluate": "Measure model and points on labelled leads.",
    "score": "Score every lead of a file.",
    "serve": "Answer scores over HTTP.",
    "doctor": "Say what is wrong with configuration, model, database, clock or service.",
    "keys": "Make, exchange and revoke keys to the service.",
    "report": "Hold handed-off leads against the agreed close rate.",
    "ledger": "Keep what became of leads: state, tables, import and export.",
    "webhooks": "Tell other programs of changes: state, dead letters, test.",
    "crm": "Score leads where they are, in a CRM, and record what became of them.",
    "drift": "Tell whether new leads have moved, and what that asks for.",
    "recalibrate": "Refresh level and slope from newer outcomes.",
    "scorecard": "Write an additive version as a table of points.",
    "models": "List the versions and who serves.",
    "promote": "Make a version the champion.",
    "rollback": "Make the champion before the present one champion again.",
    "shadow": "Compare the challenger in the shadow with the champion.",
    "points": "Score with the points table, check it against outcomes, fit a better one.",
    "datasets": "Fetch and prepare public data sets.",
    "demo": "Show the whole product on a simulated CRM.",
}


class LazyCommands(click.Group):
    """A group that imports a command's module only when that command is run."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs in the order people use them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one verb."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"leadml.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> object:
        """Run the verb; a refusal becomes one line on stderr and exit code 1."""
        try:
            return super().invoke(ctx)
        except LeadmlError as error:
            _refuse(error)
            ctx.exit(1)


@click.group(cls=LazyCommands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(leadml.__version__, prog_name="leadml")
def main() -> None:
    """Predict which leads convert, and hold hand-offs against the agreed close rate.

    \b
    Examples:
      leadml demo
      leadml init leads.csv
      leadml train leads.csv --activities activities.csv
      leadml evaluate newer.csv
      leadml score leads.csv --output scores.csv
      leadml serve
      leadml report leads.csv
    """


def _refuse(error: LeadmlError) -> None:
    message = " ".join(str(error).split())
    if "--json" in sys.argv:
        click.echo(json.dumps({"error": message}))
    click.echo(f"leadml: {message}", err=True)
