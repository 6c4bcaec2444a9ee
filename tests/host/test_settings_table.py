"""The settings table that `hub plugins show` prints."""

from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import Field, HttpUrl, SecretStr

from hub import Duration, PluginConfig, Secret
from hub.cli.settings import describe, type_words


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Inner(PluginConfig):
    host: str
    """Name of the server."""
    port: int = 993
    """Port."""


class Settings(PluginConfig):
    imap: Inner
    """The server."""
    wait: Duration = timedelta(minutes=90)
    """How long."""
    keep: Duration = timedelta(days=365)
    """How long to keep."""
    folders: tuple[str, ...] = ("Käsitelty", "Done")
    """Folders."""
    token: Secret = SecretStr("initial")
    """The token."""
    password: Secret | None = None
    """The password."""
    names: list[str] = Field(default_factory=list, description="Names.")
    flag: bool = True
    """Yes or no."""


def test_each_setting_is_written_as_in_hub_toml() -> None:
    rows = {row.name: row for row in describe(Settings)}
    assert list(rows)[:2] == ["imap.host", "imap.port"]
    assert rows["imap.host"].required
    defaults = {name: row.default for name, row in rows.items()}
    assert defaults == {
        "imap.host": "", "imap.port": "993", "wait": '"1h30m"', "keep": '"365d"', "folders": '["Käsitelty", "Done"]',
        "token": "", "password": "", "names": "[]", "flag": "true",
    }  # fmt: skip
    assert [name for name, row in rows.items() if row.secret] == ["token", "password"]
    assert rows["folders"].description == "Folders."


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (str, "text"), (bool, "true or false"), (int, "whole number"), (float, "number"), (Path, "path"),
        (HttpUrl, "URL"), (Duration, "duration"), (Secret, "secret"), (str | None, "text"), (list[str], "list of text"),
        (tuple[int, ...], "list of whole number"), (dict[str, str], "table"), (Inner, "table"), (Any, "any value"),
        (Literal["tls", "plain"], '"tls" or "plain"'), (Colour, '"red" or "blue"'),
        (int | Secret, "whole number or secret"),        (frozenset[Colour], 'list of "red" or "blue"'),
    ],
)  # fmt: skip
def test_types_are_said_in_words(annotation: Any, words: str) -> None:
    assert type_words(annotation) == words
