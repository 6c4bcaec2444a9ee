"""What is installed is what is in the tree."""

from __future__ import annotations

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def _project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_plugin_folders_entry_points_and_wheel_packages_are_the_same() -> None:
    project = _project()
    folders = {path.name: path for path in (ROOT / "plugins").iterdir() if path.is_dir()}
    assert project["project"]["entry-points"]["hub.plugins"] == {name: f"hub_{name}" for name in folders}
    packages = set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])
    assert packages == {"hub", *(f"plugins/{name}/src/hub_{name}" for name in folders)}
    assert set(project["tool"]["mypy"]["packages"]) == {"hub", *(f"hub_{name}" for name in folders)}
    for path in folders.values():
        assert {child.name for child in path.iterdir()} >= {"README.md", "src", "tests"}


def test_every_dependency_is_pinned_without_an_address() -> None:
    pinned = {_name(line) for line in _constraints()}
    assert all("==" in line and "/" not in line for line in _constraints())
    project = _project()["project"]
    wanted = [
        *project["dependencies"],
        *(d for extra in ("postgres", "demo", "dev") for d in project["optional-dependencies"][extra]),
    ]
    names = {_name(requirement) for requirement in wanted} - {"itsm-hub"}
    assert names <= pinned


def _constraints() -> list[str]:
    return (ROOT / "constraints.txt").read_text().split()


def _name(requirement: str) -> str:
    import re

    return re.split(r"[\[<>=!~; ]", requirement)[0].lower().replace("_", "-").replace(".", "-")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel as it would be published."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    return zipfile.ZipFile(path)


def test_the_wheel_holds_the_hub_its_plugins_and_their_data_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    names = wheel.namelist()
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {
        "hub",
        "hub_email",
        "hub_jira",
        "hub_kannel",
        "hub_servicenow",
        "hub_twilio",
    }
    for data in (
        "hub/py.typed",
        "hub_email/py.typed",
        "hub_jira/py.typed",
        "hub_kannel/py.typed",
        "hub_servicenow/py.typed",
        "hub_twilio/py.typed",
        "hub/store/migrations/versions/0001_initial.py",
        "hub/survey/templates/mail.html",
        "hub/config/languages/fi.toml",
    ):
        assert data in names
    assert any(name.startswith("hub/web/templates/") for name in names)
    assert any(name.endswith("licenses/LICENSE") for name in names)
