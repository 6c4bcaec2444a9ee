"""Settings that would fail later, or survey everybody, are refused at once."""

from __future__ import annotations

from typing import Any

import pytest
from hub_jira import jql
from hub_jira.config import JiraConfig, SignIn
from pydantic import ValidationError

CLOUD: dict[str, Any] = {
    "url": "https://acme.atlassian.net/", "email": "hub@acme.example", "api_token": "t", "projects": ["SUP"],
}  # fmt: skip
APP = {"client_id": "id", "client_secret": "s", "refresh_token": "r"}


def config(**changed: Any) -> JiraConfig:
    given = {**CLOUD, **changed}
    return JiraConfig.model_validate({name: value for name, value in given.items() if value is not None})


@pytest.mark.parametrize(
    ("changed", "way"),
    [
        ({}, SignIn.API_TOKEN),
        ({"email": None, "api_token": None, "token": "pat"}, SignIn.ACCESS_TOKEN),
        ({"email": None, "api_token": None, "username": "hub", "password": "p"}, SignIn.PASSWORD),
        ({"email": None, "api_token": None, "oauth": APP}, SignIn.OAUTH),
    ],
)
def test_one_way_to_sign_in_is_enough(changed: dict[str, Any], way: SignIn) -> None:
    """There are four."""
    assert config(**changed).sign_in is way


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"api_token": None}, "'email' and 'api_token' belong together"),
        ({"email": None, "api_token": None}, "none is there"),
        ({"token": "pat"}, "there are 2"),
        ({"email": None, "api_token": None, "token": "pat", "cloud_id": "1122-3344"}, "'cloud_id' is for Jira Cloud"),
        ({"projects": None}, "would survey everybody"),
        ({"url": "http://jira.example"}, "clear text"),
        ({"url": "https://jira.example/?x=1"}, "the address only"),
        ({"jql": "priority = High ORDER BY key"}, "leave out ORDER BY"),
        ({"jql": "priority = High) OR (project = X"}, "parentheses do not match"),
        ({"jql": 'summary ~ "VPN'}, "quotation mark"),
        ({"projects": ['SUP") OR (1']}, "pattern"),
        ({"webhook_secret": "short"}, "16 to 100"),
        ({"write_back": ["fields"]}, "'result_fields' has none"),
        ({"team_field": "Team"}, "pattern"),
        ({"overlap": "0s"}, "greater than"),
    ],
)
def test_settings_that_cannot_work_are_refused(changed: dict[str, Any], complaint: str) -> None:
    """With what is wrong."""
    with pytest.raises(ValidationError, match=complaint):
        config(**changed)


def test_plain_http_is_for_this_machine() -> None:
    """A simulated site, say."""
    assert config(url="http://127.0.0.1:8080").root == "http://127.0.0.1:8080"


def test_filter_is_kept_apart_from_the_hubs_own_conditions() -> None:
    """An OR in it must not let in other projects; a quoted ORDER BY is text."""
    settings = config(projects=["SUP", "HLP"], jql='priority = High OR summary ~ "order by mail ("')
    assert jql.scope(settings) == 'project in ("SUP", "HLP") AND (priority = High OR summary ~ "order by mail (")'
