"""pysnow, the most used client of the Table API, against the simulated instance."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pysnow
import pytest
import requests
from pysnow.exceptions import NoResults, TokenCreateError
from sandbox.servicenow import Instance, build_app, faults

from hub.testing.clock import FakeClock
from tests.clients.conftest import Serve

TABLE = "/api/now/table/incident"


@pytest.fixture
def instance() -> Instance:
    return Instance(FakeClock())


@pytest.fixture
def host(instance: Instance, serve: Serve) -> str:
    return serve(build_app(instance, silent_seconds=1)).removeprefix("http://")


@pytest.fixture
def incidents(host: str) -> Iterator[pysnow.Resource]:
    with pysnow.Client(host=host, user="xm.hub", password="correct-horse", use_ssl=False) as client:
        yield client.resource(api_path="/table/incident")


@pytest.fixture
def tickets(instance: Instance) -> list[str]:
    """Incidents of one second, in the order of their sys_ids."""
    caller = instance.add_user("mia@example.com")
    ids = [instance.open_record("incident", caller, f"Jam {number}") for number in range(25)]
    for sys_id in ids:
        instance.resolve(sys_id)
    return sorted(ids)


def test_a_walk_over_pages_with_ties_finds_all(
    instance: Instance, incidents: pysnow.Resource, tickets: list[str]
) -> None:
    found = []
    for offset in (0, 10, 20):
        page = incidents.get(query="stateIN6,7^ORDERBYsys_updated_on^ORDERBYsys_id", limit=10, offset=offset)
        assert page.headers["X-Total-Count"] == "25"
        found += [row["sys_id"] for row in page.all()]
    assert found == tickets
    assert [request.query["sysparm_display_value"] for request in instance.requests] == ["False"] * 3
    assert [request.query["sysparm_fields"] for request in instance.requests] == [""] * 3


def test_pages_without_an_order_are_no_walk(incidents: pysnow.Resource, tickets: list[str]) -> None:
    pages = [incidents.get(query={"state": "6"}, limit=10, offset=offset).all() for offset in (0, 10, 20)]
    found = [row["sys_id"] for page in pages for row in page]
    assert len(found) == 25
    assert len(set(found)) < 25


def test_a_stream_reads_the_same(incidents: pysnow.Resource, tickets: list[str]) -> None:
    answer = incidents.get(query="state=6^ORDERBYsys_id", stream=True)
    assert [row["sys_id"] for row in answer.all()] == tickets


def test_one_record_is_read(instance: Instance, incidents: pysnow.Resource, tickets: list[str]) -> None:
    query = pysnow.QueryBuilder().field("sys_id").equals(tickets[0]).AND().field("state").equals("6")
    record = incidents.get(query=query, fields=["sys_id", "caller_id", "caller_id.email"]).one()
    assert (record["sys_id"], record["caller_id.email"]) == (tickets[0], "mia@example.com")
    assert record["caller_id"]["link"].endswith(f"/api/now/table/sys_user/{record['caller_id']['value']}")
    assert instance.requests[0].query["sysparm_query"] == f"sys_id={tickets[0]}^state=6"


def test_an_update_puts_and_the_note_is_kept(
    instance: Instance, incidents: pysnow.Resource, tickets: list[str]
) -> None:
    answer = incidents.update(query={"sys_id": tickets[0]}, payload={"work_notes": "CSAT 4/5", "u_csat": "4"})
    assert (answer.one()["u_csat"], answer.one()["work_notes"]) == ("4", "")
    assert instance.journal(tickets[0], "work_notes") == ["CSAT 4/5"]
    assert [(request.method, request.path) for request in instance.requests] == [
        ("GET", TABLE),
        ("PUT", f"{TABLE}/{tickets[0]}"),
    ]


def test_a_record_is_inserted_and_deleted(instance: Instance, incidents: pysnow.Resource) -> None:
    created = incidents.create(payload={"short_description": "New", "bunk_field": "ignored"}).one()
    assert (created["short_description"], created["state"]) == ("New", "1")
    assert incidents.delete(query={"sys_id": created["sys_id"]}) == {"status": "record deleted"}
    assert instance.store.rows("incident") == []
    assert [request.status for request in instance.requests] == [201, 200, 204]


def test_what_is_not_there_has_no_result(incidents: pysnow.Resource) -> None:
    with pytest.raises(NoResults):
        incidents.get(query={"number": "INC9999999"}).one()


def test_a_missing_record_is_404(incidents: pysnow.Resource) -> None:
    with pytest.raises(requests.HTTPError, match="404"):
        incidents.request("GET", path_append=f"/{'0' * 32}").all()


def test_a_rate_limit_is_an_error_with_a_time(instance: Instance, incidents: pysnow.Resource) -> None:
    instance.faults.plan(faults.rate_limited(instance.clock, retry_after_seconds=1))
    with pytest.raises(requests.HTTPError, match="429") as caught:
        incidents.get(query={"state": "6"}).all()
    assert caught.value.response.headers["Retry-After"] == "1"
    assert incidents.get(query={"state": "6"}).all() == []


def test_a_wrong_password_is_refused(host: str) -> None:
    with (
        pysnow.Client(host=host, user="xm.hub", password="wrong", use_ssl=False) as client,
        pytest.raises(requests.HTTPError, match="401"),
    ):
        client.resource(api_path="/table/incident").get(query={}).all()


def test_hibernation_and_truncation_are_no_json(
    instance: Instance, incidents: pysnow.Resource, tickets: list[str]
) -> None:
    for fault in (faults.HIBERNATING, faults.cancelled):
        instance.faults.plan(fault)
        with pytest.raises(requests.exceptions.JSONDecodeError):
            incidents.get(query={"state": "6"}).all()


def test_a_cut_connection_is_an_error(instance: Instance, incidents: pysnow.Resource, tickets: list[str]) -> None:
    instance.faults.plan(faults.cut, method="PUT")
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        incidents.update(query={"sys_id": tickets[0]}, payload={"u_csat": "4"})
    assert instance.record(tickets[0])["u_csat"] == "4"


@pytest.fixture
def oauth(host: str, monkeypatch: pytest.MonkeyPatch) -> pysnow.OAuthClient:
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    return pysnow.OAuthClient(
        client_id="hub-client",
        client_secret="hub-client-secret",
        token_updater=lambda token: None,
        host=host,
        use_ssl=False,
    )


def test_a_token_is_bought_used_and_lost(instance: Instance, oauth: pysnow.OAuthClient, tickets: list[str]) -> None:
    oauth.set_token(oauth.generate_token("xm.hub", "correct-horse"))
    incidents = oauth.resource(api_path="/table/incident")
    assert len(incidents.get(query={"state": "6"}).all()) == 25
    instance.sign_in.expire_tokens()
    with pytest.raises(requests.HTTPError, match="401"):
        incidents.get(query={"state": "6"}).all()
    oauth.session.close()
    assert instance.requests[0].headers["content-type"].startswith("application/x-www-form-urlencoded")
    assert [request.status for request in instance.requests] == [200, 200, 401]


def test_an_old_token_is_renewed_with_the_refresh_token(
    instance: Instance, oauth: pysnow.OAuthClient, tickets: list[str]
) -> None:
    token = oauth.generate_token("xm.hub", "correct-horse")
    oauth.set_token(token | {"expires_at": 1, "expires_in": -1})
    incidents = oauth.resource(api_path="/table/incident")
    assert len(incidents.get(query={"state": "6"}).all()) == 25
    oauth.session.close()
    assert instance.sign_in.tokens_issued == 2
    assert b"grant_type=refresh_token" in instance.requests[1].body


def test_a_wrong_password_buys_no_token(oauth: pysnow.OAuthClient) -> None:
    with pytest.raises(TokenCreateError):
        oauth.generate_token("xm.hub", "wrong")


def test_an_update_is_json(instance: Instance, incidents: pysnow.Resource, tickets: list[str]) -> None:
    incidents.update(query={"sys_id": tickets[0]}, payload={"u_csat": "4"})
    assert json.loads(instance.requests[-1].body) == {"u_csat": "4"}
    assert instance.requests[-1].headers["content-type"] == "application/json"
