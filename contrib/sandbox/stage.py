"""The stage that stories are played on: a folder of its own, the simulated systems, and the hub between them."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from hub.config.load import load
from sandbox.hub_process import HubFailed, HubProcess, run_hub
from sandbox.ledger import Ledger
from sandbox.questions import Questions
from sandbox.story import Story
from sandbox.view import View
from sandbox.wiring import Wiring, move_ports, read_wiring
from sandbox.world import World, check_ports, run_world

ROOT = Path(__file__).resolve().parents[2]
_LOOK_EVERY_S = 0.5


@dataclass(frozen=True, slots=True)
class Setting:
    """Where the stage is set up."""

    first_port: int
    tables: Path | None = None
    """More tables for hub.toml."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything but the hub, running."""

    config: Path
    wiring: Wiring
    ledger: Ledger
    view: View
    world: World

    @asynccontextmanager
    async def hub(self) -> AsyncIterator[HubProcess]:
        """Run the hub for the length of the block, and read what it writes onto tickets.

        :raises HubFailed: it ended in the middle.
        """
        async with run_hub(self.config) as hub:
            await hub.wait_until_ready(self.wiring.pages)
            self.view.say("the hub is ready")
            try:
                async with asyncio.TaskGroup() as group:
                    watching = group.create_task(self._watch())
                    yield hub
                    watching.cancel()
            except ExceptionGroup as group:
                hub.check_alive()  # where it has ended, that is the reason
                if isinstance(failure := group.exceptions[0], HubFailed):
                    raise failure from None
                raise

    async def _watch(self) -> None:
        while True:
            for desk in self.world.desks.values():
                for result in await desk.new_results():
                    case = self.ledger.note_result(result)
                    if case is not None:
                        self.view.result(case, result)
            await asyncio.sleep(_LOOK_EVERY_S)


@asynccontextmanager
async def set_up(setting: Setting, stories: Sequence[Story], console: Console) -> AsyncIterator[Stage]:
    """Run the simulated systems for the length of the block.

    :raises NotTheDemo: hub.toml could reach real people.
    :raises PortTaken: something else listens on one of the ports.
    """
    with tempfile.TemporaryDirectory(prefix="hub-demo-") as folder:
        config = _lay_out(Path(folder), setting)
        wiring = read_wiring(config)
        check_ports(wiring)
        questions = Questions(load(config))
        ledger = Ledger(stories, questions.messages)
        view = View(console, ledger)
        view.say("starting three desks, phones, mailboxes and the hub")
        async with run_world(wiring, ledger, view, questions) as world:
            yield Stage(config, wiring, ledger, view, world)


def _lay_out(folder: Path, setting: Setting) -> Path:
    """Put hub.toml into a folder of its own, where the hub's database may lie too, with what it refers to."""
    config = folder / "hub.toml"
    text = move_ports((ROOT / "hub.toml").read_text(encoding="utf-8"), setting.first_port)
    more = f"\n{setting.tables.read_text(encoding='utf-8')}" if setting.tables else ""
    config.write_text(text + more, encoding="utf-8")
    (folder / "contrib").symlink_to(ROOT / "contrib", target_is_directory=True)
    return config
