"""Which settings are refused, and in what words."""

from __future__ import annotations

from typing import Any

import pytest
from hub_servicenow.config import ServiceNowConfig
from hub_servicenow.mapping import TicketMapping
from hub_servicenow.tables import TABLES
from pydantic import ValidationError

BASIC = {"url": "https://acme.service-now.com", "username": "hub", "password": "secret-word"}
APPLICATION = {"client_id": "id", "client_secret": "secret"}


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://acme.service-now.com", "https://acme.service-now.com"),
        ("https://acme.service-now.com/", "https://acme.service-now.com"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
    ],
)
def test_the_instance_is_kept_without_a_path(url: str, kept: str) -> None:
    assert ServiceNowConfig.model_validate(BASIC | {"url": url}).url == kept


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"url": "https://acme.service-now.com/nav_to.do"}, "the address of the instance alone"),
        ({"url": "https://hub:word@acme.service-now.com"}, "the address of the instance alone"),
        ({"url": "acme.service-now.com"}, "the address of the instance alone"),
        ({"url": "http://acme.service-now.com"}, "clear text"),
        ({"password": None}, "belong together"),
        ({"username": ""}, "belong together"),
        ({"username": "", "password": None}, "exactly one way"),
        ({"api_key": "key"}, "exactly one way"),
        ({"oauth": APPLICATION | {"grant": "client_credentials"}}, "exactly one way"),
        ({"filter": "active=true^NQactive=false"}, "a query of its own"),
        ({"filter": "ORactive=false"}, "cannot read"),
        ({"closed_states": ["closed"]}, "match pattern"),
        ({"closed_states": [6, "6"]}, "only once"),
        ({"write_back": []}, "at least 1"),
        ({"write_back": ["note", "note"]}, "only once"),
        ({"write_back": ["fields"], "result_fields": {"rating": "u_csat"}}, "needs 'response'"),
        ({"result_fields": {"comment": "comments"}}, "written into comments"),
        ({"result_fields": {"comment": "work_notes"}}, "written into work_notes"),
        ({"result_fields": {"comment": "comments_and_work_notes"}}, "written into comments_and_work_notes"),
        ({"result_fields": {"rating": "sys_class_name", "nps": "state"}}, "written into sys_class_name, state"),
        ({"result_fields": {"rating": "assigned_to"}}, "written into assigned_to"),
        ({"result_fields": {"rating": "u_task"}}, "written into u_task"),
        ({"result_fields": {"rating": "u_csat", "nps": "u_csat"}}, "each column only once"),
        ({"filter": "sys_class_nameINSTANCEOFincident"}, "cannot read"),
        ({"customer_email_field": "caller_id.email^active=true"}, "match pattern"),
        ({"push_secret": "short"}, "at least 16"),
        ({"table": "change_request"}, "incident"),
    ],
)
def test_a_setting_that_would_do_harm_is_refused(settings: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=r".") as refused:
        ServiceNowConfig.model_validate(BASIC | settings)
    assert complaint in str(refused.value)


@pytest.mark.parametrize(
    ("oauth", "fits"),
    [
        ({"grant": "client_credentials"}, True),
        ({"grant": "password", "username": "hub", "password": "word"}, True),
        ({"grant": "refresh_token", "refresh_token": "token"}, True),
        ({"grant": "password", "username": "hub"}, False),
        ({"grant": "client_credentials", "refresh_token": "token"}, False),
        ({"grant": "refresh_token"}, False),
    ],
)
def test_each_oauth_grant_takes_what_belongs_to_it(oauth: dict[str, str], fits: bool) -> None:
    settings = {"url": BASIC["url"], "oauth": APPLICATION | oauth}
    if fits:
        assert ServiceNowConfig.model_validate(settings).oauth is not None
    else:
        with pytest.raises(ValidationError, match="takes"):
            ServiceNowConfig.model_validate(settings)


def test_columns_for_answers_may_have_any_name_of_their_own() -> None:
    fields = {"rating": "x_acme_csat", "comment": "u_words", "nps": "satisfaction"}
    assert ServiceNowConfig.model_validate(BASIC | {"result_fields": fields}).result_fields == fields


def test_states_may_be_written_as_numbers() -> None:
    assert ServiceNowConfig.model_validate(BASIC | {"closed_states": [6, "-5"]}).closed_states == ("6", "-5")


def test_state_7_counts_as_closed_on_incidents_only() -> None:
    """It is Closed Skipped on a requested item and Cancelled on a case."""
    closed = {
        table: TicketMapping(ServiceNowConfig.model_validate(BASIC | {"table": table})).closed_states
        for table in TABLES
    }
    assert [table for table, states in closed.items() if "7" in states] == ["incident"]
