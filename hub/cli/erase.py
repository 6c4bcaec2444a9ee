"""`hub erase`: removes a person from everything."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.exits import Exit
from hub.cli.options import AsJson, ConfigFile, Progress, load_config, open_store, print_json, printable, say

if TYPE_CHECKING:
    from hub.config.models import HubConfig
    from hub.journey.erase import Erased, Theirs
    from hub.journey.person import Person
    from hub.store.engine import Store

Address = Annotated[
    str,
    typer.Argument(metavar="PERSON", help="Their mail address or phone number, in any spelling."),
]


def erase(
    address: Address,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what there is; change nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before doing it.")] = False,
    config_file: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Remove a person from everything the hub has stored, under all addresses known to be theirs, and prove it.

    What waits to be sent to them or written of them is taken back. Scores stay, as figures that belong to nobody. The
    wish to get no surveys stays in force. What was written onto tickets is in the desk's own system.
    """
    config = load_config(config_file)
    asyncio.run(_erase(config, address, dry_run=dry_run, yes=yes, as_json=as_json))


async def _erase(config: HubConfig, address: str, *, dry_run: bool, yes: bool, as_json: bool) -> None:
    from hub.clock import SystemClock
    from hub.journey import erase as erasing
    from hub.journey.person import find_person

    async with open_store(config) as store:
        person = await find_person(store, address, config.hub.region)
        if dry_run or not yes:
            with Progress() as progress:
                theirs = await erasing.look(store, person, progress)
            if dry_run:
                _tell_dry(person, theirs, as_json=as_json)
                return
            say(f"{len(person.identities)} address(es): {_counted(theirs.counts())}")
            typer.confirm("Remove this person from everything? It cannot be undone.", abort=True, err=True)
        with Progress() as progress:
            erased = await erasing.erase(store, person, SystemClock().now(), progress)
        await _conclude(store, erased, as_json=as_json)


def _tell_dry(person: Person, theirs: Theirs, *, as_json: bool) -> None:
    if as_json:
        tickets = _tickets(theirs.on_tickets)
        print_json({"addresses": len(person.identities), "found": theirs.counts(), "on_tickets": tickets})
        return
    typer.echo(f"{len(person.identities)} address(es): {_counted(theirs.counts())}")
    for line in _on_tickets(theirs.on_tickets):
        typer.echo(line)
    say("nothing was changed")


async def _conclude(store: Store, erased: Erased, *, as_json: bool) -> None:
    purged = await store.purge()
    if as_json:
        print_json({
            "removed": erased.removed,
            "redacted": erased.redacted,
            "left": erased.left,
            "on_tickets": _tickets(erased.on_tickets),
            "wants_no_surveys": erased.wants_no_surveys,
            "file_purged": purged,
        })  # fmt: skip
    else:
        for line in _told(erased, purged):
            typer.echo(line)
    if erased.left or purged is False:
        raise typer.Exit(Exit.SOME_FAILED)


def _told(erased: Erased, purged: bool | None) -> list[str]:
    lines = [f"removed: {_counted(erased.removed)}"]
    if not any(erased.removed.values()):
        lines.append("nobody was known by this address: see whether it is the one that they use")
    if erased.redacted:
        lines.append(f"taken out of {erased.redacted} text(s) of others")
    if erased.left:
        lines += [f"left: {count} in {place}" for place, count in sorted(erased.left.items())]
        lines.append("something came meanwhile: run the command again; if it stays, report it")
    else:
        lines.append("looked through every text of every table: 0 places hold an address or words of this person")
    if purged is None:
        lines.append(
            "the database's files hold old rows until VACUUM FULL; that and its backups are its administrator's"
        )
    elif purged:
        lines.append("the store's file was written anew: nothing deleted is left in it. Backups of it are yours")
    else:
        lines.append("deleted text is still in the store's -wal file, as something reads it: run the command again")
    if erased.wants_no_surveys:
        lines.append("they are never asked again: a keyed hash of each address stays on the stop list")
    return lines + _on_tickets(erased.on_tickets)


def _on_tickets(written: tuple[tuple[str, str], ...]) -> list[str]:
    if not written:
        return []
    lines = [f"  {component}: {printable(key)}" for component, key in written]
    return ["what they answered was written here, and is for that system to remove:", *lines]


def _tickets(written: tuple[tuple[str, str], ...]) -> list[dict[str, Any]]:
    return [{"component": component, "ticket": key} for component, key in written]


def _counted(counts: Any) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.items())
