"""`hub check`: calls every system and proves that what will be needed works, without side effects."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import typer

from hub.cli.exits import Exit
from hub.cli.options import AsJson, ConfigFile, load_config, print_json

if TYPE_CHECKING:
    from hub.api.component import CheckResult
    from hub.config.models import ComponentConfig, HubConfig
    from hub.daemon.components import Workshop


def check(*, config_file: ConfigFile = None, as_json: AsJson = False) -> None:
    """Call every system and prove that the credentials can do what will be needed. Nothing is changed or sent."""
    config = load_config(config_file)
    results = asyncio.run(_check_all(config))
    all_ok = all(result.ok for found in results.values() for result in found)
    if as_json:
        print_json({"ok": all_ok, "components": results})
    else:
        for id_, found in results.items():
            typer.echo(id_)
            for result in found:
                mark = "ok  " if result.ok else "FAIL"
                typer.echo(f"  {mark}  {result.what}{': ' if result.detail else ''}{result.detail}")
    if not all_ok:
        raise typer.Exit(Exit.REMOTE)


async def _check_all(config: HubConfig) -> dict[str, list[CheckResult]]:
    from random import Random

    from hub.clock import SystemClock
    from hub.daemon.components import Workshop
    from hub.daemon.vault import LazyStore
    from hub.http import transport

    store_for_vaults = LazyStore(config.hub.store)
    workshop = Workshop(transport(), SystemClock(), Random(), store_for_vaults)  # noqa: S311 - jitter, not secrets
    enabled = [component for component in config.components().values() if component.enabled]
    try:
        store, *found = await asyncio.gather(
            _check_store(config), *(_check_one(workshop, component, config.web.public_url) for component in enabled)
        )
    finally:
        await workshop.close()
        await store_for_vaults.close()
    return {"hub.store": store} | {component.id: results for component, results in zip(enabled, found, strict=True)}


async def _check_store(config: HubConfig) -> list[CheckResult]:
    from hub.api.component import CheckResult
    from hub.api.errors import HubError
    from hub.store.engine import Store
    from hub.store.migrate import HEAD

    try:
        revision, usable = await Store.revision(config.hub.store)
    except HubError as error:
        return [CheckResult("the store", ok=False, detail=str(error).removeprefix("hub.store: "))]
    if not usable:
        return [CheckResult("the store", ok=False, detail="a later version of the hub wrote it; install that one")]
    upgraded = f"the next start brings it from {revision or 'nothing'} to {HEAD}"
    later = revision is not None and revision >= HEAD
    return [CheckResult("the store", ok=True, detail=f"at revision {revision}" if later else upgraded)]


async def _check_one(workshop: Workshop, config: ComponentConfig, public_url: str) -> list[CheckResult]:
    from hub.api.component import CheckResult
    from hub.api.errors import HubError

    try:
        instance = workshop.build(config, public_url)
        async with asyncio.timeout(60):
            found = list(await instance.component.check())
            await instance.component.close()
        return found or [CheckResult("configured", ok=True)]
    except TimeoutError:
        return [
            CheckResult("answers within a minute", ok=False, detail="it did not; see whether the host is reachable")
        ]
    except HubError as error:
        return [CheckResult("works", ok=False, detail=str(error))]
    except Exception as error:  # noqa: BLE001 - a plugin's bug is a failed check, not a traceback
        return [CheckResult("works", ok=False, detail=f"the plugin failed with {type(error).__name__}; report it")]
