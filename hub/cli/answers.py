"""`hub answers`: what customers sent and a person must look at."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.api.records import ItemKind
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

if TYPE_CHECKING:
    from hub.store.engine import Store

app = typer.Typer(help="Answers that need a person: held back, or of no survey.", no_args_is_help=True)

Ids = Annotated[list[int], typer.Argument(min=1, max=2**63 - 1, help="Numbers from `hub answers list`.")]


@app.command("list")
def list_(
    *,
    held: Annotated[bool, typer.Option("--held", help="Only those held back: they may be a machine's.")] = False,
    unmatched: Annotated[bool, typer.Option("--unmatched", help="Only those that belong to no survey.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="How many at most, newest first.")] = 50,
    config_file: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """List answers that are held back or belong to no survey. Prints customers' own words."""
    from hub.journey.held import SHOWN, list_answers
    from hub.store.tables import AnswerState

    wanted = {AnswerState.QUARANTINED: held, AnswerState.UNMATCHED: unmatched}
    states = [state for state, is_wanted in wanted.items() if is_wanted] or list(SHOWN)
    config = load_config(config_file)
    rows = asyncio.run(with_store(config, lambda store: list_answers(store, states, limit)))
    if as_json:
        print_json({"answers": rows})
        return
    for row in rows:
        typer.echo(_line(row, config.hub.timezone))
    if not rows:
        say("there are none")


def _line(row: dict[str, Any], zone: str) -> str:
    given = " ".join(f"{id_}={value}" for id_, value in (row["given"] or {}).items())
    words = " ".join(printable(f"{given} {row['text']}").split())
    what = f"held: {row['suspicion']}" if row["state"] == "quarantined" else row["state"]
    of_whom = row["ticket_key"] or row["sender"]
    when = local_time(row["received_at"], zone)
    return f"{row['id']:>8}  {when}  {row['gateway']:<12} {what:<25} {printable(of_whom)}: {words}"


@app.command("confirm")
def confirm(ids: Ids, *, config_file: ConfigFile = None, as_json: AsJson = False) -> None:
    """Let answers count that were held back: a customer gave them."""
    from hub.clock import SystemClock
    from hub.journey import held

    _judge(config_file, ids, lambda store: held.confirm(store, ids, SystemClock().now()), as_json=as_json)


@app.command("reject")
def reject(ids: Ids, *, config_file: ConfigFile = None, as_json: AsJson = False) -> None:
    """Never count answers that were held back: a machine gave them. They are kept."""
    from hub.clock import SystemClock
    from hub.journey import held

    _judge(config_file, ids, lambda store: held.reject(store, ids, SystemClock().now()), as_json=as_json)


@app.command("kind")
def kind(
    experience: Annotated[str, typer.Argument(help="Its id, as on the ticket and in `hub export`.")],
    item: Annotated[int, typer.Argument(min=1, help="Which of its items, from 1.")],
    kind_: Annotated[str, typer.Argument(metavar="KIND", help=f"One of {', '.join(ItemKind)}.")],
    *,
    config_file: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Correct what kind an item of an answer is. A new revision of the record says so, and is written back."""
    from hub.clock import SystemClock
    from hub.daemon.components import targets_of
    from hub.journey.held import correct
    from hub.journey.surveys import survey_of
    from hub.survey.model import Survey, surveys_of

    if kind_ not in list(ItemKind):
        raise typer.BadParameter(f"choose one of {', '.join(ItemKind)}", param_hint="KIND")
    config = load_config(config_file)
    current = surveys_of(config)

    async def asked_with(connection: Any, invitation: Any) -> Survey:
        return await survey_of(connection, invitation, current)

    def targets(source: str) -> list[str]:
        return targets_of(config, source)

    async def work(store: Store) -> Any:
        now = SystemClock().now()
        return await correct(store, experience, item, ItemKind(kind_), survey_of=asked_with, targets=targets, now=now)

    before = asyncio.run(with_store(config, work)).items[item - 1].kind
    if as_json:
        print_json({"experience": experience, "item": item, "before": before, "kind": kind_})
    else:
        say(f"item {item} is {kind_} now; it was {before}")


def _judge(
    config_file: ConfigFile, ids: list[int], action: Callable[[Store], Awaitable[dict[int, str]]], *, as_json: bool
) -> None:
    config = load_config(config_file)
    refused: dict[int, str] = asyncio.run(with_store(config, action))
    tell_changed(ids, refused, as_json=as_json)
