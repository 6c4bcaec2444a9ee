"""What `hub plugins new` writes works as it is written."""

from __future__ import annotations

import ast
import json
import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from hub import API_VERSION
from hub.cli import app
from hub.cli.plugins_new import Kind, render
from hub.quality import Quality
from tests.authors.projects import ROOT, make, run

KINDS = pytest.mark.parametrize("kind", Kind)
NAMES = pytest.mark.parametrize("name", ["x", "acme", "acme-desk-of-the-north-an-east"])
EXAMPLE = ROOT / "contrib" / "hub-example"
EXEMPT = ("demo_*.py:S105", "demo_*.py:S310", "demo_*.py:T201")
"""Demo servers print, and hold secrets that everybody knows."""


def new(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["plugins", "new", *arguments])
    return result.exit_code, result.output


def files_in(folder: Path) -> dict[str, str]:
    """The text of each file in a folder, without what tools leave behind."""
    files = [file for file in folder.rglob("*") if file.is_file() and "__pycache__" not in file.parts]
    return {file.relative_to(folder).as_posix(): file.read_text(encoding="utf-8") for file in files if _kept(file)}


def _kept(file: Path) -> bool:
    return not {".pytest_cache", ".ruff_cache", ".mypy_cache", "dist"} & set(file.parts)


def test_the_command_writes_the_project_and_says_what_to_do_next(tmp_path: Path) -> None:
    code, output = new("acme", "--kind", "source", "--directory", str(tmp_path))
    assert code == 0
    assert files_in(tmp_path / "hub-acme") == render("acme", Kind.SOURCE)
    for line in (f"Made {tmp_path}/hub-acme, a source", "pip install -e", "pytest", 'plugin = "acme"', "ACME_TOKEN"):
        assert line in output


@KINDS
def test_json_names_files_commands_and_the_table(tmp_path: Path, kind: Kind) -> None:
    code, output = new("acme", "--kind", kind, "--directory", str(tmp_path), "--json")
    said = json.loads(output)
    assert code == 0
    assert said["files"] == sorted(render("acme", kind))
    assert said["project"] == str(tmp_path / "hub-acme")
    assert tomllib.loads(said["hub_toml"])[f"{kind}s"]["acme"]["plugin"] == "acme"


@pytest.mark.parametrize("name", ["Acme", "acme_desk", "1acme", "acme-", "a--b", "-a", "", "ä", "a" * 31, "a/b", "a\n"])
def test_a_bad_name_is_refused(tmp_path: Path, name: str) -> None:
    code, output = new("--kind", "sink", "--directory", str(tmp_path), "--", name)
    assert code == 2
    assert "lower-case letters, digits and single hyphens" in " ".join(output.split())
    assert list(tmp_path.iterdir()) == []


def test_the_name_of_an_installed_plugin_is_refused(tmp_path: Path) -> None:
    code, output = new("kannel", "--kind", "gateway", "--directory", str(tmp_path))
    assert code == 2
    assert "'kannel' is installed already by itsm-hub" in " ".join(output.split())
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "hub-acme").mkdir()
    code, output = new("acme", "--kind", "gateway", "--directory", str(tmp_path))
    assert code == 2
    assert "is there already; nothing was changed" in " ".join(output.split())
    assert list((tmp_path / "hub-acme").iterdir()) == []


@KINDS
@NAMES
def test_no_placeholder_is_left_and_the_api_is_todays(kind: Kind, name: str) -> None:
    files = render(name, kind)
    left = [path for path, text in files.items() if re.search("plugin[-_]name|plugin_kind|PluginName", path + text)]
    assert left == []
    assert f"HUB_API = {API_VERSION}" in files[f"src/hub_{name.replace('-', '_')}/__init__.py"]
    assert Quality.model_validate(tomllib.loads(files["quality.toml"])).plugin.maturity == "experimental"
    assert tomllib.loads(files["pyproject.toml"])["project"]["entry-points"]["hub.plugins"] == {
        name: f"hub_{name.replace('-', '_')}"
    }


@given(name=st.from_regex(r"[a-z][a-z0-9]{0,5}(-[a-z0-9]{1,5}){0,3}", fullmatch=True), kind=st.sampled_from(Kind))
def test_any_good_name_gives_valid_files(name: str, kind: Kind) -> None:
    for path, text in render(name, kind).items():
        if path.endswith(".py"):
            ast.parse(text)
        elif path.endswith(".toml"):
            tomllib.loads(text)


@pytest.mark.parametrize("kind", [Kind.GATEWAY, Kind.SINK])  # that of a source is tested from its wheel
def test_it_passes_its_own_tests(tmp_path: Path, kind: Kind) -> None:
    result = run(["pytest", "-q"], make("acme-desk", kind, tmp_path))
    assert result.returncode == 0, result.stdout
    assert int(re.findall(r"(\d+) passed", result.stdout)[0]) > 20


@KINDS
@NAMES
def test_it_is_formatted_and_linted_as_the_hub_is(tmp_path: Path, kind: Kind, name: str) -> None:
    project = make(name, kind, tmp_path)
    exempt = [option for each in EXEMPT for option in ("--extend-per-file-ignores", each)]
    settings = ["--no-cache", "--config", str(ROOT / "pyproject.toml")]
    linted = run(["ruff", "check", "-q", *settings, *exempt, "."], project)
    formatted = run(["ruff", "format", "--diff", *settings, "."], project)
    assert (linted.returncode, formatted.returncode) == (0, 0), linted.stdout + formatted.stdout
    assert run(["ruff", "check", "-q", "--no-cache", "."], project).returncode == 0


def test_the_committed_example_is_what_the_command_writes() -> None:
    advice = "the template has changed: delete contrib/hub-example, then run: hub plugins new example --kind source "
    assert files_in(EXAMPLE) == render("example", Kind.SOURCE), advice + "--directory contrib"
