"""Secrets are found wherever the model has one, and are never shown."""

from __future__ import annotations

import json
import sys
import types
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.config.effective import effective
from hub.config.load import load
from hub.config.messages import ConfigProblems
from hub.config.models import HubConfig
from tests.config.conftest import GOOD, TOKEN
from tests.config.plugins import REGISTRY, DeskConfig

Read = Callable[[str], HubConfig]
Complaints = Callable[[str], list[str]]
ENV = '{ env = "DESK_TOKEN" }'
ALLOWED = "[hub]\nallow_plain_secrets = true\n"


def with_token(written: str) -> str:
    return GOOD.replace(ENV, written)


def desk(config: HubConfig) -> DeskConfig:
    found = config.sources["prod"].settings
    assert isinstance(found, DeskConfig)
    return found


@pytest.mark.parametrize(
    ("content", "secret"), [("abc\n", "abc"), ("abc\r\n", "abc"), ("abc\n\n", "abc\n"), ("ä b", "ä b")]
)
def test_a_file_loses_one_line_end(read: Read, tmp_path: Path, content: str, secret: str) -> None:
    (tmp_path / "token").write_bytes(content.encode())
    assert desk(read(with_token('{ file = "token" }'))).token.get_secret_value() == secret


def test_a_file_may_be_named_by_its_full_path(read: Read, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("abc")
    assert desk(read(with_token(f'{{ file = "{tmp_path}/token" }}'))).token.get_secret_value() == "abc"


def test_a_plain_secret_needs_permission(read: Read) -> None:
    assert desk(read(ALLOWED + with_token('"abc"'))).token.get_secret_value() == "abc"


def test_secrets_are_found_in_tables_lists_and_optional_settings(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("A", "B", "C", "D"):
        monkeypatch.setenv(name, f"value-{name}")
    config = read(
        GOOD.replace(
            ENV,
            ENV + '\nproxy = { host = "p", password = { env = "A" } }\nheaders = { X-Key = { env = "B" } }\n'
            'keys = [{ env = "C" }]\n',
        )
        + 'password = { env = "D" }\n'
    )
    settings = desk(config)
    assert settings.proxy is not None
    assert settings.proxy.password is not None
    assert settings.proxy.password.get_secret_value() == "value-A"
    assert settings.headers["X-Key"].get_secret_value() == "value-B"
    assert settings.keys[0].get_secret_value() == "value-C"
    assert config.secret_values() == {TOKEN, "value-A", "value-B", "value-C", "value-D"}
    assert effective(config)["sources"]["prod"]["proxy"] == {"host": "p", "password": "(secret, from env A)"}
    assert effective(config)["sources"]["prod"]["keys"] == ["(secret, from env C)"]


def test_a_keyring_entry_is_read(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", keyring_with({("desk/prod", "hub"): "abc"}))
    assert desk(read(with_token('{ keyring = "desk/prod/hub" }'))).token.get_secret_value() == "abc"


def keyring_with(entries: dict[tuple[str, str], str]) -> types.SimpleNamespace:
    """As much of the keyring package as is used; the package itself is an extra."""

    class KeyringError(Exception):
        pass

    def get_password(service: str, user: str) -> str | None:
        if service == "locked":
            raise KeyringError
        return entries.get((service, user))

    return types.SimpleNamespace(get_password=get_password, errors=types.SimpleNamespace(KeyringError=KeyringError))


FORMS = '{ env = "NAME" } or { file = "/path" } or { keyring = "service/user" }'


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ('{ env = "NOT_THERE" }', "the environment variable NOT_THERE is not set. Set it."),
        ('{ env = "EMPTY" }', "the environment variable EMPTY is empty. Set it."),
        (
            '{ env = "hunter2!" }',
            'this is not a name of an environment variable. Write for example { env = "DESK_TOKEN" }.',
        ),
        ('{ file = "nope" }', "the secret file 'nope' does not exist. Create it, or correct the path."),
        ('{ file = "." }', "the secret file '.' cannot be read: Is a directory."),
        ('{ file = "a\\u0000b" }', "the secret file 'a\\x00b' is not UTF-8 text."),
        ('{ file = "binary" }', "the secret file 'binary' is not UTF-8 text."),
        ('{ file = "empty" }', "the secret file 'empty' is empty."),
        ('{ keyring = "x" }', 'write a keyring entry as { keyring = "service/user" }.'),
        ('{ keyring = "a/b" }', "the keyring has no entry 'a/b'. Add it with: keyring set a b"),
        ('{ keyring = "locked/b" }', "the keyring cannot be read (KeyringError). Is it unlocked?"),
        ('{ env = "A", file = "b" }', f"write a secret as {FORMS}."),
        ("{ env = 1 }", f"write a secret as {FORMS}."),
        ("5", f"write a secret as {FORMS}."),
        ("[]", f"write a secret as {FORMS}."),
        (
            '"hunter2"',
            f"a secret must not stand in the file. Write {FORMS}, or set hub.allow_plain_secrets = true.",
        ),
    ],
)
def test_what_is_wrong_with_a_secret(
    complaints: Complaints, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str, message: str
) -> None:
    monkeypatch.setenv("EMPTY", "")
    monkeypatch.setitem(sys.modules, "keyring", keyring_with({}))
    (tmp_path / "binary").write_bytes(b"\xff")
    (tmp_path / "empty").write_text("\n")
    said = complaints(with_token(written))
    assert said[0] == f"hub.toml:10: sources.prod.token: {message}"
    assert len(said) == 2
    assert "hunter2" not in "".join(said)


def test_a_missing_keyring_package_says_how_to_install_it(
    complaints: Complaints, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    assert complaints(with_token('{ keyring = "a/b" }'))[0] == (
        "hub.toml:10: sources.prod.token: the keyring support is not installed. Run: pip install 'itsm-hub[keyring]'"
    )


def test_the_store_with_its_password_is_a_secret(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    url = "postgresql://hub:p%40ss@db/hub"
    monkeypatch.setenv("STORE", url)
    config = read(GOOD + '[hub]\nstore = { env = "STORE" }\n')
    assert config.hub.store == url
    assert {url, "p%40ss", "p@ss"} <= config.secret_values()
    assert effective(config)["hub"]["store"] == "(secret, from env STORE)"
    assert "p%40ss" not in repr(config)


@pytest.mark.parametrize("url", ["postgresql://hub:hunter2@db/hub", "postgresql://hub@db/hub?password=hunter2"])
def test_a_password_in_the_stores_url_needs_permission(read: Read, complaints: Complaints, url: str) -> None:
    said = complaints(GOOD + f'[hub]\nstore = "{url}"\n')
    assert said[0] == f"hub.toml:15: hub.store: a password must not stand in the file. Write the whole URL as {FORMS}."
    config = read(GOOD + f'{ALLOWED}store = "{url}"\n')
    assert "hunter2" in config.secret_values()
    assert effective(config)["hub"]["store"] == url.replace("hunter2", "***")


def test_what_to_write_instead_of_a_bad_store_is_not_masked(
    complaints: Complaints, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUB_STORE", "sqlite://")
    said = complaints(GOOD + '[hub]\nstore = { env = "HUB_STORE" }\n')[0]
    assert 'hub.store: must be "sqlite:///hub.db" or' in said


def test_a_missing_store_secret_is_one_problem(complaints: Complaints) -> None:
    assert complaints(GOOD + '[hub]\nstore = { env = "NOT_THERE" }\n')[0] == (
        "hub.toml:15: hub.store: the environment variable NOT_THERE is not set. Set it."
    )


def test_a_plugin_that_repeats_a_secret_is_silenced(complaints: Complaints) -> None:
    said = complaints(GOOD.replace(ENV, ENV + '\necho = "x"'))
    assert said[0] == "hub.toml:7: sources.prod: the token *** is not for this."


def test_nothing_that_is_printed_holds_the_secret(read: Read) -> None:
    config = read(GOOD)
    shown = [repr(config), str(config), json.dumps(effective(config)), *map(repr, config.components().values())]
    assert [text for text in shown if TOKEN in text] == []
    assert config.sources["prod"].fingerprint not in "".join(shown)


secrets = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=8)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(secret=secrets, damage=st.sampled_from(["plain", "unclosed", "number", "unknown", "twice"]))
def test_no_message_holds_a_secret_whatever_is_wrong(tmp_path: Path, secret: str, damage: str) -> None:
    secret = "".join(c if c.isalnum() else "x" for c in secret)
    line = {
        "plain": f'token = "{secret}"',
        "unclosed": f'token = "{secret}',
        "number": f"token = {secret}",
        "unknown": f'tokn = "{secret}"',
        "twice": f'token = "{secret}"\ntoken = "{secret}"',
    }[damage]
    (tmp_path / "hub.toml").write_text(GOOD.replace(f"token = {ENV}", line), encoding="utf-8")
    with pytest.raises(ConfigProblems) as caught:
        load(tmp_path / "hub.toml", registry=REGISTRY)
    assert secret not in str(caught.value)
