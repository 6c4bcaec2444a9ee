"""PySNC, ServiceNow's own client, against the simulated instance."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

import pytest
from pysnc import ServiceNowClient
from pysnc.asyncio import AsyncServiceNowClient
from pysnc.auth import ServiceNowClientCredentialsFlow, ServiceNowPasswordGrantFlow
from pysnc.exceptions import AuthenticationException, NotFoundException, RoleException
from sandbox.servicenow import Instance, build_app, faults

from hub.testing.clock import FakeClock
from tests.clients.conftest import Serve

LOGIN = ("xm.hub", "correct-horse")
CLIENT = ("hub-client", "hub-client-secret")
TABLE = "/api/now/table/incident"


@pytest.fixture
def instance() -> Instance:
    return Instance(FakeClock())


@pytest.fixture
def url(instance: Instance, serve: Serve) -> str:
    # The client refuses `http://`, and looks at small letters only.
    return serve(build_app(instance, silent_seconds=1)).replace("http", "HTTP")


@pytest.fixture
def client(url: str) -> Iterator[ServiceNowClient]:
    opened = ServiceNowClient(url, LOGIN)
    yield opened
    opened.session.close()


@pytest.fixture
def tickets(instance: Instance) -> list[str]:
    """Incidents of one second, in the order of their sys_ids."""
    caller = instance.add_user("mia@example.com")
    ids = [instance.open_record("incident", caller, f"Jam {number}") for number in range(25)]
    for sys_id in ids:
        instance.resolve(sys_id)
    return sorted(ids)


def test_a_walk_over_pages_with_ties_finds_all(
    instance: Instance, client: ServiceNowClient, tickets: list[str]
) -> None:
    records = client.GlideRecord("incident", batch_size=10)
    records.fields = ["sys_id", "number", "state", "caller_id", "caller_id.email"]
    records.add_encoded_query("stateIN6,7")
    records.query()
    found = [(str(record.sys_id), record.get_display_value("state")) for record in records]
    assert found == [(ticket, "Resolved") for ticket in tickets]
    assert records.get_row_count() == 25
    assert [(request.path, request.query["sysparm_offset"]) for request in instance.requests] == [
        (TABLE, "0"),
        (TABLE, "10"),
        (TABLE, "20"),
    ]
    assert instance.requests[0].query["sysparm_query"] == "stateIN6,7^ORDERBYsys_id"
    assert instance.requests[0].query["sysparm_display_value"] == "all"


def test_rows_that_access_rules_hide_make_the_client_read_others_twice(
    instance: Instance, client: ServiceNowClient, tickets: list[str]
) -> None:
    """It steps on by the rows that it received, not by those that the page covered."""
    for ticket in tickets[2:6]:
        instance.hide(ticket)
    records = client.GlideRecord("incident", batch_size=10)
    records.query()
    found = [str(record.sys_id) for record in records]
    assert sorted(set(found)) == tickets[:2] + tickets[6:]
    assert found[:10] == [*tickets[:2], *tickets[6:10], *tickets[6:10]]


def test_one_record_is_read_with_what_it_refers_to(client: ServiceNowClient, tickets: list[str]) -> None:
    record = client.GlideRecord("incident")
    record.fields = ["number", "caller_id", "caller_id.email", "resolved_at"]
    assert record.get(tickets[0])
    assert str(record.caller_id.email) == "mia@example.com"
    assert record.get_display_value("caller_id") == "Mia Muster"
    assert record.resolved_at.date_value() == FakeClock().now()


def test_an_update_sends_what_changed_and_the_note_is_kept(
    instance: Instance, client: ServiceNowClient, tickets: list[str]
) -> None:
    record = client.GlideRecord("incident")
    assert record.get(tickets[0])
    record.set_value("work_notes", "CSAT 4/5")
    record.set_value("u_csat", "4")
    assert record.update() == tickets[0]
    assert str(record.u_csat) == "4"
    assert instance.journal(tickets[0], "work_notes") == ["CSAT 4/5"]
    assert instance.requests[-1].method == "PATCH"
    assert json.loads(instance.requests[-1].body) == {"work_notes": "CSAT 4/5", "u_csat": "4"}


def test_a_record_is_inserted_and_deleted(instance: Instance, client: ServiceNowClient, tickets: list[str]) -> None:
    record = client.GlideRecord("u_experience")
    record.initialize()
    record.set_value("u_task", tickets[0])
    record.set_value("u_csat", "5")
    record.set_value("bunk_field", "ignored")
    sys_id = str(record.insert())
    assert instance.record(sys_id)["u_csat"] == "5"
    assert record.delete()
    assert instance.store.rows("u_experience") == []
    assert [request.status for request in instance.requests] == [201, 204]


def test_what_is_not_there_is_not_found(client: ServiceNowClient) -> None:
    assert not client.GlideRecord("incident").get("0" * 32)
    record = client.GlideRecord("incident")
    with pytest.raises(NotFoundException):
        client.table_api.get(record, "0" * 32)


def test_a_query_that_finds_nothing_is_empty(client: ServiceNowClient) -> None:
    records = client.GlideRecord("incident")
    records.add_query("number", "INC9999999")
    records.query()
    assert list(records) == []


def test_a_rate_limit_is_waited_for(instance: Instance, client: ServiceNowClient, tickets: list[str]) -> None:
    instance.faults.plan(faults.rate_limited(instance.clock, retry_after_seconds=1))
    records = client.GlideRecord("incident")
    records.query()
    assert len(records) == 25
    assert [request.status for request in instance.requests] == [429, 200]


def test_a_locked_record_is_refused(instance: Instance, client: ServiceNowClient, tickets: list[str]) -> None:
    instance.close(tickets[0])
    instance.lock_closed()
    record = client.GlideRecord("incident")
    assert record.get(tickets[0])
    record.set_value("u_csat", "4")
    with pytest.raises(RoleException, match="ACL Exception Update Failed"):
        record.update()


def test_a_wrong_password_is_refused(url: str) -> None:
    client = ServiceNowClient(url, ("xm.hub", "wrong"))
    with pytest.raises(AuthenticationException, match="User Not Authenticated"):
        client.GlideRecord("incident").query()
    client.session.close()


@pytest.mark.parametrize(
    "flow", [ServiceNowClientCredentialsFlow(*CLIENT), ServiceNowPasswordGrantFlow(*LOGIN, *CLIENT)]
)
def test_tokens_open_the_door(
    instance: Instance, url: str, tickets: list[str], flow: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    client = ServiceNowClient(url, flow)
    records = client.GlideRecord("incident")
    records.query()
    assert len(list(records)) == 25
    assert [request.path for request in instance.requests] == ["/oauth_token.do", TABLE]
    assert instance.requests[1].headers["authorization"].startswith("Bearer ")
    client.session.close()


def test_a_wrong_client_secret_buys_no_token(url: str) -> None:
    with pytest.raises(AuthenticationException, match="access_denied"):
        ServiceNowClient(url, ServiceNowClientCredentialsFlow("hub-client", "wrong"))


def test_a_long_query_goes_through_the_batch(instance: Instance, client: ServiceNowClient, tickets: list[str]) -> None:
    records = client.GlideRecord("incident")
    records.add_encoded_query(f"sys_idIN{','.join(tickets + ['f' * 32] * 400)}")
    records.query()
    assert [str(record.sys_id) for record in records] == tickets
    (request,) = instance.requests
    assert (request.method, request.path) == ("POST", "/api/now/v1/batch")
    (item,) = json.loads(request.body)["rest_requests"]
    assert item["url"].startswith(f"{TABLE}?")


def test_many_updates_go_through_batches_until_all_are_served(
    instance: Instance, client: ServiceNowClient, tickets: list[str]
) -> None:
    instance.batch_capacity = 10
    records = client.GlideRecord("incident")
    records.query()
    for record in records:
        record.set_value("u_csat", "5")
    assert records.update_multiple()
    assert {instance.record(ticket)["u_csat"] for ticket in tickets} == {"5"}
    batches = [json.loads(request.body)["rest_requests"] for request in instance.requests[1:]]
    assert [len(batch) for batch in batches] == [25, 15, 5]
    assert json.loads(base64.b64decode(batches[0][0]["body"])) == {"u_csat": "5"}


def test_a_hibernating_instance_is_no_answer(instance: Instance, client: ServiceNowClient) -> None:
    instance.faults.plan(faults.HIBERNATING)
    with pytest.raises(ValueError, match="Expecting value"):
        client.GlideRecord("incident").query()


async def test_the_asynchronous_client_walks_too(instance: Instance, url: str, tickets: list[str]) -> None:
    instance.accept_required = False  # this client sends no Accept header
    client = AsyncServiceNowClient(url, LOGIN)
    records = await client.GlideRecord("incident", batch_size=10)
    await records.query()
    assert [str(record.sys_id) async for record in records] == tickets
    assert len(instance.requests) == 3
    await client.session.aclose()
