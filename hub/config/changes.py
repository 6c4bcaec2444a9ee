"""What differs between two configurations, so that a reload touches only what changed."""

from __future__ import annotations

from dataclasses import dataclass

from hub.config.models import HubConfig


@dataclass(frozen=True, slots=True)
class Changes:
    """Ids of components (`sources.NAME`), sorted; and the tables of the hub's own settings that differ."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    """A setting or the value of a secret differs: build them anew."""
    settings_changed: tuple[str, ...] = ()
    """Some of 'hub', 'web', 'survey'."""


def diff(old: HubConfig, new: HubConfig) -> Changes:
    """What to do to get from `old` to `new`. Holds names only, so it can be logged."""
    before, after = old.components(), new.components()
    return Changes(
        added=tuple(sorted(after.keys() - before.keys())),
        removed=tuple(sorted(before.keys() - after.keys())),
        changed=tuple(
            sorted(name for name in before.keys() & after.keys() if before[name].fingerprint != after[name].fingerprint)
        ),
        settings_changed=tuple(name for name in ("hub", "web", "survey") if getattr(old, name) != getattr(new, name)),
    )
