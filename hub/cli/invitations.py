"""`hub invitations`: surveys that were sent, wait, or need the operator."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import typer

from hub.cli.options import (
    AsJson,
    ConfigFile,
    load_config,
    local_time,
    print_json,
    printable,
    say,
    tell_changed,
    with_store,
)

app = typer.Typer(help="Surveys that were sent, wait, or need you.", no_args_is_help=True)

Ids = Annotated[list[int], typer.Argument(min=1, max=2**63 - 1, help="Numbers from `hub invitations list`.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask before doing it.")]


@app.command("list")
def list_(
    *,
    state: Annotated[str | None, typer.Option(help="Only those in one state, such as unknown or failed.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most, newest first.")] = 50,
    config_file: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """List surveys, newest first; and messages that followed them, if they failed or may have left.

    Addresses are not shown.
    """
    from hub.journey import operate
    from hub.store.tables import InvitationState

    if state is not None and state not in list(InvitationState):
        raise typer.BadParameter(f"choose one of {', '.join(InvitationState)}", param_hint="--state")
    config = load_config(config_file)
    rows = asyncio.run(with_store(config, lambda store: operate.list_invitations(store, state, limit)))
    if as_json:
        print_json({"invitations": [dict(row) for row in rows]})
        return
    for row in rows:
        when = local_time(row["sent_at"] or row["due_at"], config.hub.timezone)
        reason = f" ({row['reason']})" if row["reason"] else ""
        ticket, gateway = printable(row["ticket_key"]), row["gateway"] or "-"
        kind = "" if row["kind"] == "survey" else f", {row['kind']}"
        typer.echo(f"{row['id']:>8}  {when}  {gateway:<12} {ticket:<20} {row['state']}{reason}{kind}")
    if not rows:
        say("there are none")


@app.command("retry")
def retry(ids: Ids, *, yes: Yes = False, config_file: ConfigFile = None, as_json: AsJson = False) -> None:
    """Send invitations again whose outcome is unknown, or which failed. A customer may then get a second message."""
    from hub.clock import SystemClock
    from hub.journey import operate

    config = load_config(config_file)
    now, max_age = SystemClock().now(), config.survey.max_age
    _change(config, ids, "Send again", lambda store: operate.retry(store, ids, now, max_age), yes=yes, as_json=as_json)


@app.command("cancel")
def cancel(ids: Ids, *, yes: Yes = False, config_file: ConfigFile = None, as_json: AsJson = False) -> None:
    """Take back invitations that wait, or whose outcome is unknown."""
    from hub.clock import SystemClock
    from hub.journey import operate

    config = load_config(config_file)
    now = SystemClock().now()
    _change(config, ids, "Cancel", lambda store: operate.cancel(store, ids, now), yes=yes, as_json=as_json)


def _change(
    config: Any,
    ids: list[int],
    verb: str,
    action: Callable[[Any], Awaitable[dict[int, str]]],
    *,
    yes: bool,
    as_json: bool,
) -> None:
    if not yes:
        typer.confirm(f"{verb} {len(ids)} invitation(s)?", abort=True, err=True)
    refused: dict[int, str] = asyncio.run(with_store(config, action))
    tell_changed(ids, refused, as_json=as_json)
