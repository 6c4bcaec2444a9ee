"""What the pages show works as it stands there."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import httpx
import pytest

from hub import (
    Channel,
    Choice,
    ConfigError,
    DeliveryStatus,
    Experience,
    GatewayType,
    Item,
    Message,
    Receipt,
    Remark,
    Score,
    TicketSnapshot,
)
from hub.config.contacts import load_contacts
from hub.config.load import load
from hub.config.models import HubConfig
from hub.daemon.service import plan_of
from hub.registry import Registry, State
from hub.testing.fakes import FakeContext
from tests.docs import pages

README = pages.ROOT / "README.md"
API_PAGE = pages.DOCS / "reference/plugin-api.md"
EXPERIENCE_PAGE = pages.DOCS / "reference/experience.md"


def loaded(text: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> HubConfig:
    """A hub.toml as the hub reads it, with every secret it names in the environment."""
    for name in re.findall(r'env = "(\w+)"', text):
        monkeypatch.setenv(name, f"a-secret-for-{name}")
    (folder / "contacts.csv").write_text("email,phone\nanna@acme.example,040 123 4567\n", encoding="utf-8")
    (folder / "hub.toml").write_text(text, encoding="utf-8")
    return load(folder / "hub.toml")


def test_the_hub_toml_of_the_readme_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (text,) = pages.code(README, "toml")
    config = loaded(text, tmp_path, monkeypatch)
    assert list(config.components()) == ["sources.desk", "gateways.sms"]
    assert plan_of(config).gateways == (("sms", Channel.SMS),)
    assert len(load_contacts(config)) == 1
    assert len(text.splitlines()) <= 18


def test_the_hub_toml_of_the_tutorial_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (text,) = pages.code(pages.DOCS / "tutorial.md", "toml")
    config = loaded(text, tmp_path, monkeypatch)
    assert plan_of(config).gateways == (("mail", Channel.EMAIL),)


def test_the_tables_for_admins_go_with_the_hub_toml_of_the_readme(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (base,) = pages.code(README, "toml")
    embedded, elsewhere = pages.code(pages.DOCS / "how-to/admin.md", "toml")
    config = loaded(base.replace("[hub]\n", embedded), tmp_path, monkeypatch)
    assert config.hub.store == "sqlite:////var/lib/hub/hub.db"
    with pytest.raises(ConfigError, match=r"hub\.store: must be"):
        loaded(base.replace("[hub]\n", elsewhere), tmp_path, monkeypatch)
    monkeypatch.setenv("HUB_STORE", "postgresql://hub:PASSWORD@db.acme.example/hub")
    assert load(tmp_path / "hub.toml").hub.store_password == "PASSWORD"


def test_the_experience_on_the_page_is_one_and_every_field_is_explained() -> None:
    (text,) = pages.code(EXPERIENCE_PAGE, "json")
    shown = json.loads(text)
    assert json.loads(Experience.model_validate(shown).model_dump_json()) == shown
    fields_only = pages.read(EXPERIENCE_PAGE).partition("\n## Revisions")[0]
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \| .+ \|$", fields_only, re.MULTILINE)
    told = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    models = (Experience, Score, Choice, Remark, Item, TicketSnapshot)
    fields = [name for model in models for name in model.model_fields]
    assert sorted(told) == sorted(fields)


@pytest.fixture(scope="module")
def carrier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example plugin, built and installed into a folder of its own, with its tests beside it."""
    project, installed = tmp_path_factory.mktemp("project"), tmp_path_factory.mktemp("installed")
    module, tests = pages.code(API_PAGE, "python")[:2]
    (project / "hub_carrier.py").write_text(module, encoding="utf-8")
    (project / "pyproject.toml").write_text(pages.code(API_PAGE, "toml")[0], encoding="utf-8")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(project / "dist"), str(project)],
        check=True,
        capture_output=True,
    )
    (wheel,) = (project / "dist").glob("*.whl")
    zipfile.ZipFile(wheel).extractall(installed)
    (installed / "test_carrier.py").write_text(tests, encoding="utf-8")
    return installed


async def test_the_example_plugin_is_found_loaded_and_sends(
    carrier: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(carrier)
    plugin = Registry.load({"carrier"}).plugins["carrier"]
    assert (plugin.state, plugin.reason, plugin.distribution) == (State.LOADED, None, "hub-carrier")
    (base,) = pages.code(README, "toml")
    table = pages.code(API_PAGE, "toml")[1]
    config = loaded(base[: base.index("[gateways.sms]")] + table, tmp_path, monkeypatch)
    seen: list[httpx.Request] = []

    def service(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"id": 17})

    component = config.gateways["sms"]
    assert isinstance(component.type, GatewayType)
    gateway = component.type.create(component.settings, FakeContext(transport=httpx.MockTransport(service)))
    receipt = await gateway.send(Message(key="a" * 20, recipient="+358401234567", text="How did we do?"))
    assert receipt == Receipt(key="a" * 20, status=DeliveryStatus.SENT, provider_id="17")
    (request,) = seen
    assert request.headers["authorization"] == "Bearer a-secret-for-CARRIER_TOKEN"
    assert json.loads(request.content) == {"to": "+358401234567", "text": "How did we do?"}


def test_the_tests_of_the_example_plugin_pass(carrier: Path) -> None:
    options = [
        "-q",
        "-p",
        "no:cacheprovider",
        "-o",
        "asyncio_mode=auto",
        "-o",
        "asyncio_default_fixture_loop_scope=function",
    ]
    result = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "test_carrier.py"],
        cwd=carrier,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout
    assert int(re.findall(r"(\d+) passed", result.stdout)[0]) > 20


def test_the_lines_of_the_example_plugin_are_counted() -> None:
    stated = re.search(r"The module has (\d+) lines", pages.read(API_PAGE))
    assert stated
    assert int(stated[1]) == len(pages.code(API_PAGE, "python")[0].splitlines())
