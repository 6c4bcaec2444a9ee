from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hub.config.load import load
from hub.config.messages import ConfigProblems
from hub.config.models import HubConfig
from tests.config.plugins import REGISTRY

GOOD = """\
[web]
public_url = "https://survey.example.org"

[survey]
sender_name = "Acme Service Desk"

[sources.prod]
plugin = "desk"
base_url = "https://desk.example.org"
token = { env = "DESK_TOKEN" }

[gateways.sms]
plugin = "text"
"""

TOKEN = "s3cr3t-Token"


@pytest.fixture(autouse=True)
def _token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESK_TOKEN", TOKEN)


@pytest.fixture
def read(tmp_path: Path) -> Callable[[str], HubConfig]:
    """Reads a text as hub.toml."""

    def read(text: str) -> HubConfig:
        (tmp_path / "hub.toml").write_text(text, encoding="utf-8")
        return load(tmp_path / "hub.toml", registry=REGISTRY)

    return read


@pytest.fixture
def complaints(read: Callable[[str], HubConfig], tmp_path: Path) -> Callable[[str], list[str]]:
    """The lines of the message about a text, with the folder taken off."""

    def complaints(text: str) -> list[str]:
        with pytest.raises(ConfigProblems) as caught:
            read(text)
        return str(caught.value).replace(f"{tmp_path}/", "").split("\n")

    return complaints
