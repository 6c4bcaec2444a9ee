"""What people on the instance do, and what its business rules make of it."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest
from sandbox.servicenow import BusinessRule, Instance

from hub.testing.clock import FakeClock

NAMES = ("state", "active", "resolved_at", "closed_at", "reopen_count")


def shown(instance: Instance, ticket: str) -> list[str | None]:
    record = instance.record(ticket)
    return [record.get(name) for name in NAMES]


def test_an_incident_is_resolved_closed_and_reopened(instance: Instance, clock: FakeClock) -> None:
    ticket = instance.open_record()
    instance.resolve(ticket)
    assert shown(instance, ticket) == ["6", "true", "2026-03-02 09:00:00", "", "0"]
    clock.advance(timedelta(days=3))
    instance.close(ticket)
    assert shown(instance, ticket) == ["7", "false", "2026-03-02 09:00:00", "2026-03-05 09:00:00", "0"]
    instance.reopen(ticket)
    assert shown(instance, ticket) == ["2", "true", "", "", "1"]


def test_a_request_item_knows_no_resolution(instance: Instance) -> None:
    caller = instance.add_user("mia@example.com")
    ticket = instance.open_record("sc_req_item", caller)
    instance.resolve(ticket)
    assert shown(instance, ticket) == ["3", "false", None, "2026-03-02 09:00:00", None]
    request = instance.record(instance.record(ticket)["request"])
    assert (request["requested_for"], request["number"]) == (caller, "REQ0010001")


@pytest.mark.parametrize(
    ("table", "label", "active"),
    [
        ("incident", "Closed", "false"),
        ("sc_req_item", "Closed Skipped", "false"),
        ("sn_customerservice_case", "Cancelled", "false"),
    ],
)
def test_state_seven_means_another_thing_on_each_table(instance: Instance, table: str, label: str, active: str) -> None:
    ticket = instance.open_record(table)
    instance.update(ticket, state="7")
    assert instance.label(table, "state", "7") == label
    assert instance.record(ticket)["active"] == active


def test_a_case_is_reopened_into_its_own_state(instance: Instance) -> None:
    contact = instance.add_user("mia@example.com", table="customer_contact")
    ticket = instance.open_record("sn_customerservice_case", contact)
    instance.resolve(ticket)
    instance.reopen(ticket)
    assert (instance.record(ticket)["contact"], shown(instance, ticket)[0]) == (contact, "10")


async def test_an_instance_may_have_a_closed_state_of_its_own(instance: Instance, client: httpx.AsyncClient) -> None:
    instance.add_closed_state("incident", "9", "Closed by vendor")
    ticket = instance.open_record()
    instance.update(ticket, state="9")
    assert shown(instance, ticket)[:2] == ["9", "false"]
    query = {"sysparm_query": "name=incident^element=state^inactive=false^language=en", "sysparm_fields": "value,label"}
    choices = (await client.get("/api/now/table/sys_choice", params=query)).json()["result"]
    assert {choice["value"]: choice["label"] for choice in choices} == {
        "1": "New",
        "2": "In Progress",
        "3": "On Hold",
        "6": "Resolved",
        "7": "Closed",
        "8": "Canceled",
        "9": "Closed by vendor",
    }


def test_reassignments_are_counted_from_the_second_one_on(instance: Instance) -> None:
    ticket = instance.open_record()
    counts = []
    for person in ("anna", "bert", "bert", "", "carl"):
        instance.change(ticket, {"assigned_to": person})
        counts.append(instance.record(ticket)["reassignment_count"])
    assert counts == ["0", "1", "1", "1", "1"]


def test_each_update_moves_time_and_count(instance: Instance, clock: FakeClock) -> None:
    ticket = instance.open_record()
    clock.advance(timedelta(seconds=7))
    instance.update(ticket)
    record = instance.record(ticket)
    assert (record["sys_created_on"], record["sys_updated_on"]) == ("2026-03-02 09:00:00", "2026-03-02 09:00:07")
    assert record["sys_mod_count"] == "1"


def test_a_misspelt_column_in_a_test_is_an_error(instance: Instance) -> None:
    with pytest.raises(ValueError, match="incident has no column u_typo"):
        instance.open_record(u_typo="x")


def test_sys_ids_are_the_same_in_each_run(clock: FakeClock) -> None:
    first, second, other = (Instance(clock, seed=seed).open_record() for seed in (0, 0, 1))
    assert first == second != other
    assert len(first) == 32
    assert int(first, 16)


async def test_a_business_rule_tells_of_closed_records_and_of_nothing_else(instance: Instance) -> None:
    told: list[httpx.Request] = []

    def hear(request: httpx.Request) -> httpx.Response:
        told.append(request)
        return httpx.Response(200)

    async with httpx.AsyncClient(transport=httpx.MockTransport(hear)) as client:
        rule = BusinessRule(instance, client, "https://hub.example/hooks/now", "s3cret")
        ticket = instance.open_record()
        instance.update(ticket, state="2")
        instance.resolve(ticket)
        instance.update(ticket, short_description="Solved")
        assert told == []
        await rule.deliver(times=2)
    hint = f'{{"table":"incident","sys_id":"{ticket}","sys_mod_count":"2"}}'
    assert [request.read().decode() for request in told] == [hint, hint]
    assert {request.headers["X-Hub-Secret"] for request in told} == {"s3cret"}
    assert rule.lost == 0


async def test_a_hint_that_is_not_taken_is_lost(instance: Instance) -> None:
    transport = httpx.MockTransport(lambda request: httpx.Response(503))
    async with httpx.AsyncClient(transport=transport) as client:
        rule = BusinessRule(instance, client, "https://hub.example/hooks/now", "s3cret")
        instance.resolve(instance.open_record())
        await rule.deliver()
        await rule.deliver()
    assert rule.lost == 1
