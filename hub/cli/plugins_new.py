"""`hub plugins new`: a plugin project that works as it is made, to be changed step by step."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from hub.cli.options import AsJson, print_json

TEMPLATE = Path(__file__).resolve().parents[1] / "_template"
"""`shared/` is in every project, one folder per kind besides. Each file ends in `.tmpl`, so that no tool takes it for
code of the hub; all else in it is an ordinary file whose words for the plugin are replaced."""

_SUFFIX = ".tmpl"
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_LONGEST_NAME = 30


class Kind(StrEnum):
    """What a plugin can be. One plugin may be several; a project begins with one."""

    SOURCE = "source"
    GATEWAY = "gateway"
    SINK = "sink"


def new_plugin(
    name: Annotated[str, typer.Argument(help="The plugin's name: lower-case letters, digits and hyphens.")],
    *,
    kind: Annotated[Kind, typer.Option(help="What the plugin is to be.")],
    directory: Annotated[Path, typer.Option(help="The folder in which hub-NAME/ is made.")] = Path(),
    as_json: AsJson = False,
) -> None:
    """Make a plugin project that works: it talks to a made-up service and passes the contract suite. Then change it."""
    _check_name(name)
    project = directory / f"hub-{name}"
    if project.exists() or project.is_symlink():
        raise typer.BadParameter(f"{project} is there already; nothing was changed", param_hint="NAME")
    files = render(name, kind)
    for path, text in files.items():
        file = project / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    if as_json:
        steps = {"commands": _commands(name, kind, project), "hub_toml": table(name, kind)}
        print_json({"name": name, "kind": kind, "project": str(project), "files": sorted(files), **steps})
    else:
        typer.echo(_report(name, kind, project, sorted(files)))


def render(name: str, kind: Kind) -> dict[str, str]:
    """The files of a new project: their text by their path in it, with `/` between folders."""
    words = _words(name, kind)
    files = {}
    for part in (TEMPLATE / "shared", TEMPLATE / kind):
        for file in part.rglob(f"*{_SUFFIX}"):
            path = file.relative_to(part).as_posix().removesuffix(_SUFFIX)
            files[_replace(path, words)] = _replace(file.read_text(encoding="utf-8"), words)
    return files


def table(name: str, kind: Kind) -> str:
    """The table that hub.toml needs, as the README of the project shows it."""
    [block] = re.findall(r"^```toml\n(.*?)^```$", render(name, kind)["README.md"], re.DOTALL | re.MULTILINE)
    return str(block)


def _check_name(name: str) -> None:
    from hub.registry import Registry

    if not _NAME.fullmatch(name) or len(name) > _LONGEST_NAME:
        problem = f"{name!r}: use up to {_LONGEST_NAME} lower-case letters, digits and single hyphens, a letter first"
        raise typer.BadParameter(problem, param_hint="NAME")
    if taken := Registry.load(()).plugins.get(name):
        owner = f" by {taken.distribution} {taken.version}" if taken.distribution else ""
        raise typer.BadParameter(f"a plugin {name!r} is installed already{owner}; choose another", param_hint="NAME")


def _words(name: str, kind: Kind) -> dict[str, str]:
    from hub import API_VERSION

    return {
        "plugin-name": name,
        "plugin_name": name.replace("-", "_"),
        "PLUGIN_NAME": name.replace("-", "_").upper(),
        "PluginName": "".join(part.capitalize() for part in name.split("-")),
        "plugin_kind": kind,
        "HUB_API = (0, 0)": f"HUB_API = {API_VERSION}",
    }


def _replace(text: str, words: dict[str, str]) -> str:
    """All at once, so that a name that looks like another word stays as it is."""
    return re.sub("|".join(map(re.escape, words)), lambda match: words[match[0]], text)


def _commands(name: str, kind: Kind, project: Path) -> list[str]:
    hook = f" http://127.0.0.1:8080/hooks/{name}" if kind is Kind.GATEWAY else ""
    return [f"cd {project}", "pip install -e '.[dev]'", "pytest", f"python demo_server.py{hook}"]


def _report(name: str, kind: Kind, project: Path, files: list[str]) -> str:
    made = "\n".join(f"  {path}" for path in files)
    commands = "\n".join(f"  {command}" for command in _commands(name, kind, project))
    lines = "\n".join(f"  {line}" for line in table(name, kind).splitlines())
    return (
        f"Made {project}, a {kind} for a made-up service:\n{made}\n\n"
        f"Next, in the environment that the hub is installed in:\n{commands}\n\n"
        f"The table for hub.toml, beside [web], [survey], a source and a gateway:\n{lines}\n\n"
        "Or put the table alone into a file and, with the demo server running, see it at work: hub demo --with FILE\n"
        "README.md in it says how to go on."
    )
