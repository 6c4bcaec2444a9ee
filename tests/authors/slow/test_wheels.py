"""The hub and a plugin by somebody else, as wheels, beside each other."""

from __future__ import annotations

import json
import re
import shutil
import zipfile
from pathlib import Path

import pytest

from tests.authors.projects import ROOT, run

EXAMPLE = ROOT / "contrib" / "hub-example"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with nothing in it but what the two wheels hold."""
    wheels, target = tmp_path_factory.mktemp("wheels"), tmp_path_factory.mktemp("installed")
    for project in (ROOT, EXAMPLE):
        command = ["build", "--wheel", "--no-isolation", "--outdir", str(wheels), str(project)]
        built = run(command, wheels)
        assert built.returncode == 0, built.stdout + built.stderr
    for wheel in wheels.glob("*.whl"):
        zipfile.ZipFile(wheel).extractall(target)
    return target


def test_the_wheel_brings_the_template_and_the_quality_of_each_plugin(installed: Path) -> None:
    made = run(["hub", "plugins", "new", "acme", "--kind", "gateway", "--json"], installed, installed)
    assert json.loads(made.stdout)["project"] == "hub-acme", made.stderr
    assert (installed / "hub-acme" / "src" / "hub_acme" / "gateway.py").is_file()
    for package in installed.glob("hub_*/"):
        if not package.name.endswith(".dist-info"):
            assert (package / "quality.toml").is_file(), f"the wheel has no quality.toml for {package.name}"


def test_the_example_is_listed_and_shown_with_its_quality(installed: Path, tmp_path: Path) -> None:
    where = run(["hub", "plugins", "list", "--json"], tmp_path, installed)
    rows = {row["name"]: row for row in json.loads(where.stdout)["plugins"]}
    assert (rows["example"]["state"], rows["example"]["distribution"]) == ("loaded", "hub-example"), where.stderr
    shown = json.loads(run(["hub", "plugins", "show", "example", "--json"], tmp_path, installed).stdout)
    assert shown["quality"]["plugin"]["maturity"] == "experimental"
    assert [offer["capabilities"] for offer in shown["offers"]] == [["rewind", "write_back"]]


def test_the_tests_of_the_example_pass_on_the_wheels(installed: Path, tmp_path: Path) -> None:
    shutil.copytree(EXAMPLE / "tests", tmp_path / "tests")
    for file in ("pyproject.toml", "demo_server.py", "demo_http.py"):
        shutil.copy(EXAMPLE / file, tmp_path)
    (tmp_path / "tests" / "test_where.py").write_text(
        "import hub, hub_example\n"
        "def test_where() -> None:\n"
        f"    assert all(module.__file__.startswith({str(installed)!r}) for module in (hub, hub_example))\n"
    )
    result = run(["pytest", "-q", "-o", "pythonpath=."], tmp_path, installed)
    assert result.returncode == 0, result.stdout + result.stderr
    assert int(re.findall(r"(\d+) passed", result.stdout)[0]) > 50
