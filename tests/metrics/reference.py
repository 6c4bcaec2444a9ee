"""What `/metrics` shows when everything has happened, and the page that lists it.

Writes the list anew: python -m tests.metrics.reference
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa
from prometheus_client.parser import text_string_to_metric_families

from hub import metrics
from hub.api.records import DeliveryStatus
from hub.store import components, workers
from hub.store.engine import Store
from tests.docs import pages
from tests.journey.world import World, ticket
from tests.metrics.exposed import Operator

PAGE = pages.DOCS / "reference" / "metrics.md"
_GENERATED = ("<!-- metrics, by tests.metrics.reference -->\n", "<!-- end of metrics -->")
_BY_THE_LIBRARY = ("process_",)


@dataclass
class Family:
    """One metric, as Prometheus knows it."""

    name: str
    type: str
    help: str
    labels: set[str] = field(default_factory=set)
    values: dict[str, set[str]] = field(default_factory=dict)
    """The values of each label."""


@asynccontextmanager
async def busy_world(folder: Path) -> AsyncIterator[tuple[World, Operator]]:
    """A hub to which a bit of everything has happened."""
    store = await Store.open(f"sqlite:///{folder}/hub.db")
    world = World(store)
    async with store.write() as connection:
        await workers.register(connection, "test", version="1", roles=("deliver",), now=world.now)
        failed = {"error": "no", "failures": 1, "since": world.now, "retry_at": world.now}
        await components.failed(connection, "sources.desk:write", **failed)
        await connection.execute(sa.text("UPDATE workers SET beat = 1"))
    await world.asked()
    world.pass_time(minutes=2)
    await world.report(DeliveryStatus.DELIVERED, provider_id="p1")
    await world.reply("5 Kiitos")
    await world.reply("buu", sender="+358409999999")
    await world.finish()
    await world.close(ticket(world.now))
    metrics.http_request("sources.desk", 200, 0.1)
    metrics.webhook("gateways.sms", 200, 0.1)
    metrics.loop_failed("sources.desk:write")
    yield world, Operator(store, world.clock)
    await store.close()


def families(text: str) -> dict[str, Family]:
    """Every metric of an exposition, by the names that expressions can use for it."""
    found = {}
    for each in text_string_to_metric_families(text):
        family = Family(each.name, each.type, each.documentation)
        for sample in each.samples:
            found[sample.name] = family
            for label, value in sample.labels.items():
                family.labels.add(label)
                family.values.setdefault(label, set()).add(value)
    return found


async def exposition(folder: Path) -> str:
    """What such a hub shows."""
    async with busy_world(folder) as (_, operator):
        return (await operator.get("/metrics")).text


def table(text: str) -> str:
    """The list for the page."""
    shown = families(text)
    own = {id(each): each for name, each in shown.items() if not name.startswith(_BY_THE_LIBRARY)}
    rows = [
        (
            f"`{each.name}{'_total' if each.type == 'counter' else ''}`",
            each.type,
            ", ".join(f"`{label}`" for label in sorted(each.labels - {"le"})),
            each.help,
        )
        for each in own.values()
    ]
    return pages.table(("metric", "type", "labels", "what it is"), sorted(rows))


def generated(text: str) -> str:
    """The list as it stands on the page."""
    return text.partition(_GENERATED[0])[2].partition(_GENERATED[1])[0].strip()


def main() -> None:
    """Write the list into the page."""
    with tempfile.TemporaryDirectory() as folder:
        new = table(asyncio.run(exposition(Path(folder))))
    before, mark, rest = PAGE.read_text().partition(_GENERATED[0])
    PAGE.write_text(f"{before}{mark}{new}\n{_GENERATED[1]}{rest.partition(_GENERATED[1])[2]}")


if __name__ == "__main__":
    sys.exit(main())
