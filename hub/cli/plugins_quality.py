"""The part of `hub plugins show` that tells what a plugin supports and how that was proven."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hub.quality import Quality
    from hub.registry import Plugin


def quality_json(plugin: Plugin) -> dict[str, Any]:
    """`quality` as in the plugin's quality.toml, or None; `quality_problem` when that cannot be used."""
    from hub.api.errors import PluginError

    try:
        found = _quality(plugin)
    except PluginError as error:
        return {"quality": None, "quality_problem": str(error)}
    return {"quality": found.model_dump(exclude_none=True) if found else None, "quality_problem": None}


def quality_text(plugin: Plugin) -> str:
    """The same for people."""
    from hub.api.errors import PluginError

    try:
        found = _quality(plugin)
    except PluginError as error:
        return f"Quality: not known; {error}"
    return "\n".join(_lines(found)) if found else "Quality: not stated; the plugin has no quality.toml"


def _quality(plugin: Plugin) -> Quality | None:
    """What a loaded plugin states."""
    from hub.quality import quality_of
    from hub.registry import GROUP

    [entry] = entry_points(group=GROUP, name=plugin.name)
    return quality_of(sys.modules[entry.module])


def _lines(quality: Quality) -> Iterator[str]:
    about, tested = quality.plugin, quality.tested
    yield f"Quality: {about.maturity}"
    yield from _listed("Made for", about.systems)
    yield from _listed("Tested with real systems", tested.real)
    yield from _listed("Tested with simulated systems", tested.simulated)
    if tested.third_party_clients:
        yield from _listed("These were checked with clients by others", tested.third_party_clients)
    yield "Promises:"
    for name, promise in quality.promises.stated().items():
        yield f"  {'kept    ' if promise.kept else 'NOT KEPT'}  {name.replace('_', ' ')}: {promise.how}"
    yield from _listed("Known limits", about.known_limits)


def _listed(title: str, facts: Sequence[str]) -> Iterator[str]:
    yield f"{title}:" if facts else f"{title}: none"
    for fact in facts:
        yield f"  {fact}"
