"""`hub stops`: who is never surveyed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli.exits import Exit
from hub.cli.options import AsJson, ConfigFile, load_config, local_time, print_json, printable, say, with_store

if TYPE_CHECKING:
    from hub.config.models import HubConfig

app = typer.Typer(help="The stop list: who is never surveyed.", no_args_is_help=True)

Entry = Annotated[str, typer.Argument(help="A mail address, a phone number, or @DOMAIN for all of a domain.")]


@app.command("list")
def list_(*, config_file: ConfigFile = None, as_json: AsJson = False) -> None:
    """List the entries, the oldest first, and how many the file of survey.stop_list has. Addresses are masked."""
    from hub.journey import stops
    from hub.journey.stop_list import read_stop_list

    config = load_config(config_file)
    in_file = len(read_stop_list(config.survey.stop_list, config.hub.region).entries)
    rows = asyncio.run(with_store(config, stops.listed))
    shown = [{**row, "entry": masked(row["entry"])} for row in rows]
    if as_json:
        print_json({"stops": shown, "in_file": in_file})
        return
    for row in shown:
        when = local_time(row["added_at"], config.hub.timezone)
        typer.echo(f"{when}  {printable(row['entry']):<30}  {printable(row['reason'] or '')}".rstrip())
    if not rows:
        say("there are none")
    if config.survey.stop_list:
        say(f"{config.survey.stop_list}: {in_file} more")


@app.command("add")
def add(
    entry: Entry,
    *,
    reason: Annotated[str | None, typer.Option(help="Why, for those who read the list later. Not personal.")] = None,
    config_file: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Put somebody on the list. What waits to be sent to them is taken back."""
    from hub.clock import SystemClock
    from hub.journey import stops

    config = load_config(config_file)
    one, now = _entry(entry, config), SystemClock().now()
    is_new, taken_back = asyncio.run(with_store(config, lambda store: stops.add(store, one, reason, now)))
    if as_json:
        print_json({"added": is_new, "taken_back": taken_back})
        return
    say("on the stop list" if is_new else "it was on the stop list already")
    if taken_back:
        say(f"{taken_back} waiting message(s) taken back")


@app.command("remove")
def remove(entry: Entry, *, config_file: ConfigFile = None, as_json: AsJson = False) -> None:
    """Take somebody off the list. Lines of the file of survey.stop_list are taken out there."""
    from hub.journey import stops
    from hub.journey.stop_list import read_stop_list

    config = load_config(config_file)
    one = _entry(entry, config)
    removed = asyncio.run(with_store(config, lambda store: stops.remove(store, one)))
    still = read_stop_list(config.survey.stop_list, config.hub.region).covers(one)
    if as_json:
        print_json({"removed": removed, "in_file": still})
    else:
        say("off the stop list" if removed else "there was no such entry; see: hub stops list")
        if still:
            say(f"the file {config.survey.stop_list} still names it; take the line out, then reload the hub")
    if not removed or still:
        raise typer.Exit(Exit.SOME_FAILED)


def masked(entry: str) -> str:
    """An entry as whoever put it there knows it again, and others do not: domains are shown."""
    local, at, domain = entry.rpartition("@")
    if at:
        return f"{local[:1]}***@{domain}" if local else entry
    return f"{entry[:4]}***{entry[-2:]}"


def _entry(written: str, config: HubConfig) -> str:
    from hub.journey.addresses import entry
    from hub.journey.stop_list import FORMS

    one = entry(written, config.hub.region)
    if one is None:
        raise typer.BadParameter(f"This is no {FORMS}.", param_hint="ENTRY")
    return one
