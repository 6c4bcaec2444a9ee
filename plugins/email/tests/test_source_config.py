"""Settings of the e-mail desk."""

from __future__ import annotations

from typing import Any

import pytest
from hub_email.config import EmailSourceConfig
from pydantic import ValidationError

GOOD: dict[str, Any] = {"host": "imap.acme.example", "username": "desk@acme.example", "password": "secret"}


def test_little_has_to_be_said() -> None:
    config = EmailSourceConfig.model_validate(GOOD)
    assert (config.imap_port, config.closed_folder, config.desk_address) == (993, "Closed", "desk@acme.example")
    assert EmailSourceConfig.model_validate(GOOD | {"security": "starttls"}).imap_port == 143


def test_the_desk_s_own_addresses_are_told_and_its_domains_are_not() -> None:
    config = EmailSourceConfig.model_validate(
        GOOD | {"desk_addresses": ["it@acme.example", "@acme.example"], "results_from": "Hub <hub@acme.example>"}
    )
    assert config.own_addresses == ("it@acme.example", "desk@acme.example", "hub@acme.example")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"security": "plain"}, "clear text"),
        ({"oauth_token": "x"}, "exactly one"),
        ({"password": None}, "exactly one"),
        ({"username": "desk"}, "tell agents from customers"),
        ({"desk_addresses": ["desk"]}, "write addresses such as"),
        ({"closed_folder": ""}, "no ticket is ever closed"),
        ({"milestones": ["waiting"], "sent_folder": ""}, "what was answered"),
        ({"milestones": ["handed_over"]}, "waiting"),
        ({"closed_keyword": "two words"}, "match pattern"),
        ({"ticket_pattern": "[#("}, "not a regular expression"),
        ({"results_folder": "inbox"}, "must not be the inbox"),
        ({"closed_folder": "Inbox"}, "must not be the inbox"),
        ({"closed_folder": "Sent"}, "a folder of its own"),
        ({"closed_folder": "Survey results"}, "a folder of its own"),
        ({"inbox": ""}, "at least 1 character"),
        ({"results_from": "Hub <hub@acme.example>\r\nBcc: x@y"}, "match pattern"),
        ({"ca_file": "/nowhere/ca.pem"}, "there is no such file"),
        ({"timeout": "0s"}, "greater than"),
        ({"thread_window": "1h"}, "greater than or equal"),
    ],
    ids=str,
)
def test_a_mistake_is_explained(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        EmailSourceConfig.model_validate(GOOD | changes)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1"])
def test_plain_text_is_accepted_on_this_machine_only(host: str) -> None:
    EmailSourceConfig.model_validate(GOOD | {"host": host, "security": "plain"})


def test_the_desk_has_an_address_also_when_only_its_domain_is_known() -> None:
    config = EmailSourceConfig.model_validate(GOOD | {"username": "desk", "desk_addresses": ["@acme.example"]})
    assert config.desk_address == "desk@acme.example"
