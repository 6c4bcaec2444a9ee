"""The built-in surveys, and others with tables of hub.toml on top of them, without sources and gateways."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from hub import Channel
from hub.api.records import Milestone
from hub.config.asking import Asking
from hub.config.models import HubConfig
from hub.config.validate import validate
from hub.survey.model import Survey, surveys_of
from hub.survey.render import Occasion

TOKEN = "abcdefghij234567klmn"


def surveys(toml: str = "") -> dict[str, Survey]:
    """All surveys by name. A mistake in the tables is an error."""

    def checked(model: Any, table: Mapping[str, Any], _path: object) -> Any:
        made = validate(model, table, folder=Path())
        assert not isinstance(made, list), made
        return made

    def refuse(path: object, text: str) -> None:
        raise AssertionError(f"{path}: {text}")

    asked = Asking(tomllib.loads(toml), (), (), checked, refuse, survey=None).read()
    return surveys_of(cast("HubConfig", SimpleNamespace(**asked)))


def occasion(channel: Channel = Channel.EMAIL, **changes: Any) -> Occasion:
    """A closed ticket of a customer who speaks Finnish."""
    usual: dict[str, Any] = {
        "language": "fi",
        "tone": None,
        "token": TOKEN,
        "public_url": "https://survey.example.fi",
        "sender_name": "Acme Service Desk",
        "ticket_key": "INC0012345",
        "subject": "Tulostin ei toimi",
        "milestone": Milestone.CLOSED,
    }
    return Occasion(channel=channel, **usual | changes)
