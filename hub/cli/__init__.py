"""The command line. Commands import what they need when they run, so that `hub --help` answers at once."""

from __future__ import annotations

import io
import sys

import typer

from hub.cli import (
    answers,
    check,
    config,
    db,
    demo,
    erase,
    export,
    invitations,
    places,
    plugins,
    run,
    state,
    status,
    stops,
    surveys,
    why,
)

app = typer.Typer(
    name="hub",
    help="Live customer experience for any service desk: asks after each closed ticket, writes the answer onto it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("run")(run.run)
app.command("sync")(run.sync)
app.command("status")(status.status)
app.command("why")(why.why)
app.command("check")(check.check)
app.command("export")(export.export)
app.command("erase")(erase.erase)
app.command("demo", context_settings=demo.CONTEXT_SETTINGS)(demo.demo)
app.add_typer(config.app, name="config")
app.add_typer(plugins.app, name="plugins")
app.add_typer(surveys.app, name="surveys")
app.add_typer(places.app, name="places")
app.add_typer(invitations.app, name="invitations")
app.add_typer(answers.app, name="answers")
app.add_typer(stops.app, name="stops")
app.add_typer(state.app, name="state")
app.add_typer(db.app, name="db")


def main() -> None:
    """Run a command; errors that a user can mend become messages and exit codes, never tracebacks."""
    from hub.cli.failures import exit_code_of

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that is not UTF-8 is no reason to fail
    try:
        app()
    except Exception as error:  # noqa: BLE001 - the last line of defence
        sys.exit(exit_code_of(error))
