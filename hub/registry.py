"""Finds the installed plugins, loads the wanted ones, and keeps a broken one from harming the others."""

from __future__ import annotations

import difflib
import importlib.metadata
import inspect
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any

import pluggy

import hub
from hub import hookspecs
from hub.api.component import Component, PluginConfig
from hub.api.errors import PluginError
from hub.api.gateway import Gateway, GatewayType
from hub.api.sink import Sink, SinkType
from hub.api.source import Source, SourceType

GROUP = "hub.plugins"
"""The entry-point group: one line per plugin, `name = "module"`."""

FIRST_PARTY = frozenset({"email", "jira", "kannel", "servicenow", "twilio"})
"""Plugins that come with the hub's own distribution, for the hint when one is missing."""

_KINDS: dict[str, tuple[type[Any], type[Component[Any]]]] = {
    "source": (SourceType, Source),
    "gateway": (GatewayType, Gateway),
    "sink": (SinkType, Sink),
}


class State(StrEnum):
    """Where a plugin stands."""

    LOADED = "loaded"  # imported, checked, ready
    AVAILABLE = "available"  # installed; not imported because nothing names it
    BROKEN = "broken"  # installed, but it cannot be used; `Plugin.reason` says why
    MISSING = "missing"  # named, but not installed


@dataclass(frozen=True, slots=True)
class Plugin:
    """One plugin as the hub sees it: a row of `hub plugins list`."""

    name: str
    state: State
    distribution: str | None = None
    version: str | None = None
    api: tuple[int, int] | None = None
    """The plugin API it was written for, `HUB_API`."""
    reason: str | None = None
    """Why it is broken or missing, and what to do."""
    source: SourceType[Any] | None = None
    gateway: GatewayType[Any] | None = None
    sink: SinkType[Any] | None = None

    @property
    def kinds(self) -> tuple[str, ...]:
        """What it offers: 'source', 'gateway', 'sink'."""
        return tuple(kind for kind in _KINDS if getattr(self, kind) is not None)


class Registry:
    """The plugins of this installation. Build it with `Registry.load`."""

    def __init__(self, plugins: Iterable[Plugin]) -> None:
        ordered = sorted(plugins, key=lambda plugin: plugin.name)
        self.plugins: Mapping[str, Plugin] = MappingProxyType({plugin.name: plugin for plugin in ordered})
        """Every installed plugin and every wanted one, by name."""

    @classmethod
    def load(cls, wanted: Collection[str] | None) -> Registry:
        """Import the plugins with these names, or all installed ones for None. Never raises for a bad plugin.

        Call it once per reading of hub.toml. An installed plugin that is not wanted is not imported.
        """
        installed = _installed()
        manager = pluggy.PluginManager(hookspecs.PROJECT)
        manager.add_hookspecs(hookspecs)
        plugins = [_load(manager, name, entries, wanted) for name, entries in installed.items()]
        plugins += [_missing(name, installed) for name in wanted or () if name not in installed]
        return cls(plugins)

    def source_type(self, name: str) -> SourceType[Any]:
        """What plugin `name` offers as a source.

        :raises PluginError: it is not installed, is broken, or offers no source; the message says which.
        """
        return self._type(name, "source")  # type: ignore[no-any-return]  # _register checked it against its kind

    def gateway_type(self, name: str) -> GatewayType[Any]:
        """What plugin `name` offers as a gateway.

        :raises PluginError: it is not installed, is broken, or offers no gateway; the message says which.
        """
        return self._type(name, "gateway")  # type: ignore[no-any-return]  # as above

    def sink_type(self, name: str) -> SinkType[Any]:
        """What plugin `name` offers as a sink.

        :raises PluginError: it is not installed, is broken, or offers no sink; the message says which.
        """
        return self._type(name, "sink")  # type: ignore[no-any-return]  # as above

    def _type(self, name: str, kind: str) -> Any:
        plugin = self.plugins.get(name) or _missing(name, self.plugins)
        if plugin.state is State.MISSING:
            raise PluginError(plugin.reason or "")
        if plugin.state is State.AVAILABLE:
            raise PluginError(f"plugin {name!r} is installed, but was not loaded because nothing named it.")
        if plugin.state is State.BROKEN:
            raise PluginError(f"plugin {name!r} is broken: {plugin.reason}")
        offered = getattr(plugin, kind)
        if offered is None:
            raise PluginError(f"plugin {name!r} offers no {kind}; it offers: {', '.join(plugin.kinds)}.")
        return offered


def offered_by(module: object) -> Mapping[str, Any]:
    """Check a plugin module as the hub does when it loads it, and return what it offers by kind.

    For tests of a plugin that is not installed yet.

    :raises PluginError: the hub would call it broken; the message says why.
    """
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    _api_version(module)
    return _register(manager, "tested", module)


def _installed() -> dict[str, list[importlib.metadata.EntryPoint]]:
    found: dict[str, list[importlib.metadata.EntryPoint]] = {}
    for entry in importlib.metadata.entry_points(group=GROUP):
        found.setdefault(entry.name, []).append(entry)
    return found


def _load(
    manager: pluggy.PluginManager,
    name: str,
    entries: list[importlib.metadata.EntryPoint],
    wanted: Collection[str] | None,
) -> Plugin:
    if len(entries) > 1:
        owners = " and ".join(sorted(_owner(entry) for entry in entries))
        reason = f"two distributions offer a plugin of this name: {owners}. Uninstall one of them."
        return Plugin(name, State.BROKEN, reason=reason)
    [entry] = entries
    plugin = Plugin(name, State.AVAILABLE)
    if entry.dist is not None:
        plugin = replace(plugin, distribution=entry.dist.name, version=entry.dist.version)
    if wanted is not None and name not in wanted:
        return plugin
    try:
        with _blaming_the_plugin(f"when {entry.value!r} was imported"):
            module = entry.load()
        plugin = replace(plugin, api=_api_version(module))
        return replace(plugin, state=State.LOADED, **_register(manager, name, module))
    except PluginError as error:
        return replace(plugin, state=State.BROKEN, reason=str(error))


@contextmanager
def _blaming_the_plugin(where: str) -> Iterator[None]:
    try:
        yield
    except PluginError:
        raise
    except (Exception, SystemExit) as error:
        # A module that calls sys.exit() when it is imported must not end the hub.
        raise PluginError(f"{type(error).__name__} {where}: {error}") from error


def _api_version(module: object) -> tuple[int, int]:
    ours = hub.API_VERSION
    version = getattr(module, "HUB_API", None)
    match version:
        case None:
            raise PluginError(f"it does not say which plugin API it was written for; add HUB_API = {ours}.")
        case (int(major), int(minor)):
            if major == ours[0] and minor <= ours[1]:
                return major, minor
        case _:
            raise PluginError(f"HUB_API must be two numbers, such as {ours}.")
    advice = "Update the hub." if (major, minor) > ours else "Update the plugin."
    raise PluginError(f"it was written for plugin API {major}.{minor}, this hub offers {ours[0]}.{ours[1]}. {advice}")


def _register(manager: pluggy.PluginManager, name: str, module: object) -> dict[str, Any]:
    """Register a module with pluggy and ask it, and only it, what it offers."""
    with _blaming_the_plugin("when its hooks were registered"):
        _refuse_unknown_and_async_hooks(manager, module)
        manager.register(module, name)
    try:
        offers = {kind: _ask(manager, module, kind) for kind in _KINDS}
    except PluginError:
        manager.unregister(module)
        raise
    if not any(offers.values()):
        manager.unregister(module)
        raise PluginError("it offers neither a source nor a gateway nor a sink; implement one of the hooks.")
    return offers


def _refuse_unknown_and_async_hooks(manager: pluggy.PluginManager, module: object) -> None:
    # pluggy's check_pending() speaks of all plugins at once and leaves the bad one registered.
    for attribute in dir(module):
        marked = manager.parse_hookimpl_opts(module, attribute)
        if marked is None:
            continue
        hook = marked.get("specname") or attribute
        if not hasattr(hookspecs, hook):
            known = [f"hub_register_{kind}" for kind in _KINDS]
            raise PluginError(f"unknown hook {hook!r}.{did_you_mean(hook, known)}")
        function = inspect.unwrap(getattr(module, attribute))
        if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
            raise PluginError(f"{attribute} must be a plain function, not async.")


def _ask(manager: pluggy.PluginManager, module: object, kind: str) -> Any:
    hook = f"hub_register_{kind}"
    others = [plugin for plugin in manager.get_plugins() if plugin is not module]
    with _blaming_the_plugin(f"in {hook}"):
        answers = manager.subset_hook_caller(hook, remove_plugins=others)()
    if not answers:
        return None
    if len(answers) > 1:
        raise PluginError(f"{hook} is implemented {len(answers)} times.")
    _check_descriptor(hook, kind, answers[0])
    return answers[0]


def _check_descriptor(hook: str, kind: str, offered: Any) -> None:
    descriptor, base = _KINDS[kind]
    if not isinstance(offered, descriptor):
        raise PluginError(f"{hook} returned {type(offered).__name__}, expected {descriptor.__name__}.")
    if not _is_subclass(offered.config, PluginConfig):
        raise PluginError(f"{hook}: config must be a class derived from PluginConfig.")
    if not _is_subclass(offered.create, base):
        raise PluginError(f"{hook}: create must be a class derived from {base.__name__}.")
    missing = sorted(getattr(offered.create, "__abstractmethods__", ()))
    if missing:
        raise PluginError(f"{hook}: {offered.create.__name__} lacks {', '.join(missing)}().")


def _is_subclass(value: object, base: type[Any]) -> bool:
    return isinstance(value, type) and issubclass(value, base)


def _missing(name: str, installed: Collection[str]) -> Plugin:
    first_party = name in FIRST_PARTY
    advice = " It comes with the hub: install itsm-hub again." if first_party else did_you_mean(name, installed)
    known = ", ".join(sorted(installed)) or "none"
    return Plugin(name, State.MISSING, reason=f"no plugin {name!r} is installed.{advice} Installed: {known}.")


def did_you_mean(word: str, known: Collection[str]) -> str:
    """A sentence with the nearest known word, led by a blank, or nothing when none is near."""
    near = difflib.get_close_matches(word, known, n=1)
    return f" Did you mean {near[0]!r}?" if near else ""


def _owner(entry: importlib.metadata.EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist is not None else entry.value
