"""What a ticket says of its closing and its customer, pulled or read by its id."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sandbox.jira import Answer, EmailShown

from hub import ConfigError, Ticket, Unavailable

JSON = {"content-type": "application/json"}


async def pulled(rig: Any, new_hub: Any, *issues: Any, **settings: Any) -> Ticket:
    """The one ticket that a pull finds after a ticket has been closed."""
    hub = new_hub(rig.source(**settings))
    await hub.pull()
    rig.advance(minutes=1)
    for issue in issues:
        rig.close(issue)
    rig.advance(minutes=1)
    await hub.pull()
    [ticket] = hub.closures.values()
    return ticket


async def test_ticket_says_what_jira_says(cloud: Any, new_hub: Any) -> None:
    """Everything that can be had without a further request."""
    team = cloud.site.add_field("Team", "select", options=["Network"])
    service = cloud.site.add_field("Service")
    custom = {team.id: {"value": "Network"}, service.id: "VPN"}
    issue = cloud.open("VPN drops", assignee=cloud.site.agent, custom=custom)
    issue.labels += ["vpn", "home"]
    issue.properties["request.channel.type"] = {"value": "email"}
    ticket = await pulled(cloud, new_hub, issue, team_field=team.id, service_field=service.id)
    assert ticket.key == "SUP-1"
    assert ticket.subject == "VPN drops"
    assert ticket.url == "https://acme.atlassian.net/browse/SUP-1"
    assert (ticket.agent, ticket.team, ticket.service) == ("Anna Agent", "Network", "VPN")
    assert (ticket.type, ticket.channel) == ("Task", "email")
    assert ticket.opened_at == issue.created
    assert ticket.closed_at == issue.category_changed_at
    assert ticket.reopen_count == 0
    assert (ticket.customer.name, ticket.customer.email) == ("Fred Fish", "fred@customer.example")
    assert ticket.fields == {
        "project": "SUP", "issue_type": "Task", "status": "Resolved", "resolution": "Done", "priority": "Medium",
        "labels": ("vpn", "home"),
    }  # fmt: skip


async def test_whoever_handled_a_ticket_of_their_own_is_an_agent(cloud: Any, new_hub: Any) -> None:
    own = cloud.open(reporter=cloud.site.agent, assignee=cloud.site.agent)
    assert (await pulled(cloud, new_hub, own)).reporter_is_agent is True


async def test_of_others_it_is_not_known_whether_they_are_agents(cloud: Any, new_hub: Any) -> None:
    assert (await pulled(cloud, new_hub, cloud.open(assignee=cloud.site.agent))).reporter_is_agent is None


async def test_a_customer_of_a_portal_is_no_agent(jsm: Any, new_hub: Any) -> None:
    ticket = await pulled(jsm, new_hub, jsm.open(reporter=jsm.customer()))
    assert ticket.reporter_is_agent is False


@pytest.mark.parametrize(("profile", "zone"), [("Europe/Vienna", "Europe/Vienna"), ("UTC", None), ("Etc/GMT", None)])
async def test_the_time_zone_is_that_of_the_customers_profile(
    jsm: Any, new_hub: Any, profile: str, zone: str | None
) -> None:
    fred = jsm.customer()
    fred.zone = profile
    assert (await pulled(jsm, new_hub, jsm.open(reporter=fred))).customer.timezone == zone


async def test_browse_address_keeps_the_context_path(data_center: Any, new_hub: Any) -> None:
    """Data Center often lives below one."""
    ticket = await pulled(data_center, new_hub, data_center.open())
    assert ticket.url == "https://jira.example/jira/browse/SUP-1"


async def test_desk_request_says_more(jsm: Any, new_hub: Any) -> None:
    """The address of a portal customer, the request type, the organisation, and how the desk's targets were met."""
    organization = jsm.site.add_organization("Acme Oy")
    fred = jsm.customer(email_shown=EmailShown.PORTAL)
    issue = jsm.open(reporter=fred, request_type="Request access", organization=organization)
    jsm.advance(minutes=7)
    jsm.site.comment(issue, jsm.site.agent, "We look into it")
    answered = jsm.clock.now()
    ticket = await pulled(jsm, new_hub, issue)
    assert ticket.customer.email == "fred@customer.example"
    assert (ticket.type, ticket.organisation) == ("Request access", "Acme Oy")
    assert ticket.first_response_at == answered
    assert ticket.time_to_resolve == ticket.closed_at - issue.created


async def test_targets_are_asked_for_when_the_request_does_not_carry_them(jsm: Any, new_hub: Any) -> None:
    """Data Center and older sites do not expand them."""
    issue = jsm.open()
    plain = {"issueId": issue.id, "serviceDeskId": "1", "reporter": {}}
    jsm.site.faults.on("GET", rf"/request/{issue.id}$", Answer(200, plain, JSON))
    ticket = await pulled(jsm, new_hub, issue)
    assert ticket.time_to_resolve == ticket.closed_at - issue.created
    assert ticket.first_response_at is None


async def test_refused_service_management_leaves_what_the_platform_shows(jsm: Any, new_hub: Any) -> None:
    """Without an agent licence a survey can still go out."""
    jsm.site.account.is_agent = False
    issue = jsm.open()
    jsm.site.faults.on("GET", r"/request/", Answer(403), times=0)
    ticket = await pulled(jsm, new_hub, issue)
    assert ticket.customer.email == "fred@customer.example"
    assert ticket.time_to_resolve is None


async def test_service_management_that_is_out_of_order_stops_the_pull(jsm: Any, new_hub: Any) -> None:
    """Otherwise the customer would count as one without an address."""
    jsm.site.faults.on("GET", r"/request/", Answer(503), times=0)
    with pytest.raises(Unavailable):
        await pulled(jsm, new_hub, jsm.open())


async def test_reporter_who_was_replaced_is_not_mixed_up_with_the_new_one(jsm: Any, new_hub: Any) -> None:
    """What Service Management said is remembered, and may be older."""
    issue = jsm.open(reporter=jsm.customer(email_shown=EmailShown.PORTAL))
    hub = new_hub(jsm.source())
    await hub.pull()
    jsm.close(issue)
    jsm.advance(minutes=1)
    await hub.pull()
    issue.reporter = jsm.customer("Mia K.", email_shown=EmailShown.NOWHERE)
    [ticket] = (await hub.source.fetch([issue.id])).tickets
    assert (ticket.customer.name, ticket.customer.email) == ("Mia K.", None)


@pytest.mark.parametrize("way", ["absent", "null", "empty"])
async def test_hidden_address_is_no_address(cloud: Any, new_hub: Any, way: Any) -> None:
    """Checklist 19: the customer has a name only, so that the hub counts them as out of reach."""
    cloud.site.hidden_email = way
    mia = cloud.customer("Mia K.", email_shown=EmailShown.NOWHERE)
    ticket = await pulled(cloud, new_hub, cloud.open(reporter=mia))
    assert (ticket.customer.name, ticket.customer.email, ticket.customer.phone) == ("Mia K.", None, None)


async def test_masked_address_of_data_center_is_no_address(data_center: Any, new_hub: Any) -> None:
    """And is not made into one."""
    data_center.site.masks_email = True
    ticket = await pulled(data_center, new_hub, data_center.open())
    assert ticket.customer.email is None


async def test_customer_list_of_the_desk_is_the_last_resort(jsm: Any, new_hub: Any) -> None:
    """Found by name, believed by account: a namesake must not be asked."""
    jsm.customer("Mia K.", "other@customer.example")
    mia = jsm.customer("Mia K.", "mia@customer.example", email_shown=EmailShown.PORTAL)
    issue = jsm.open(reporter=mia)
    silent = {"issueId": issue.id, "serviceDeskId": jsm.project.desk_id, "sla": {"values": []}}
    jsm.site.faults.on("GET", rf"/request/{issue.id}$", Answer(200, silent, JSON))
    ticket = await pulled(jsm, new_hub, issue)
    assert ticket.customer.email == "mia@customer.example"
    assert jsm.asked("/customer") == 1


async def test_contacts_file_comes_before_contact_fields(cloud: Any, new_hub: Any, tmp_path: Path) -> None:
    """The desk keeps it by hand."""
    mail, phone = cloud.site.add_field("Contact e-mail"), cloud.site.add_field("Contact phone")
    mia = cloud.customer("Mia K.", email_shown=EmailShown.NOWHERE)
    contacts = tmp_path / "contacts.csv"
    contacts.write_text(f"account,email,phone,language\n{mia.account_id},mia@customer.example,,fi\n")
    custom = {mail.id: "someone@else.example", phone.id: " +358 40 1234567 "}
    ticket = await pulled(
        cloud,
        new_hub,
        cloud.open(reporter=mia, custom=custom),
        contacts_file=contacts,
        contact_email_fields=[mail.id],
        contact_phone_fields=[phone.id],
    )
    assert ticket.customer.email == "mia@customer.example"
    assert (ticket.customer.phone, ticket.customer.language) == ("+358 40 1234567", "fi")


async def test_app_that_opens_tickets_is_no_customer(cloud: Any, new_hub: Any) -> None:
    """A field may name the customer that it opened the ticket for."""
    mail = cloud.site.add_field("Contact e-mail")
    monitor = cloud.customer("Monitor", "noreply@monitor.example", account_type="app")
    ticket = await pulled(
        cloud,
        new_hub,
        cloud.open(reporter=monitor, custom={mail.id: "mia@customer.example"}),
        contact_email_fields=[mail.id],
    )
    assert ticket.customer.email == "mia@customer.example"


async def test_deleted_reporter_is_a_name(cloud: Any, new_hub: Any) -> None:
    """Jira keeps nothing else."""
    mia = cloud.customer("Mia K.")
    mia.deleted = True
    ticket = await pulled(cloud, new_hub, cloud.open(reporter=mia))
    assert ticket.customer.email is None


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("account,email\n", "phone, language"),
        ("account,email,phone,language\n5b10,not an address,,\n", "line 2: the e-mail address"),
        ("account,email,phone,language\n5b10,,,finnish\n", "two letters"),
        ("account,email,phone,language\n5b10,\xff", "UTF-8"),
    ],
)
async def test_broken_contacts_file_is_named(
    cloud: Any, new_hub: Any, tmp_path: Path, text: str, complaint: str
) -> None:
    """Without repeating what is in it."""
    contacts = tmp_path / "contacts.csv"
    contacts.write_text(text, encoding="latin-1")
    with pytest.raises(ConfigError, match=complaint) as raised:
        await pulled(cloud, new_hub, cloud.open(), contacts_file=contacts)
    assert "not an address," not in str(raised.value)


async def test_fetch_sorts_tickets_into_closed_open_and_gone(any_rig: Any) -> None:
    """Each id is in one part, in spite of an index that knows nothing yet."""
    any_rig.site.search_lag = timedelta(hours=1)
    closed, opened, deleted, hidden = any_rig.close(), any_rig.open(), any_rig.close(), any_rig.close()
    any_rig.site.delete(deleted)
    any_rig.site.hide(hidden)
    ids = [closed.id, opened.id, deleted.id, hidden.id, "424242", "no-number"]
    fetched = await any_rig.source().fetch(ids)
    assert [ticket.id for ticket in fetched.tickets] == [closed.id]
    assert fetched.open == (opened.id,)
    assert set(fetched.gone) == {deleted.id, hidden.id, "424242", "no-number"}


async def test_fetched_closing_is_the_pulled_one(any_rig: Any, new_hub: Any) -> None:
    """Otherwise the look before sending would withhold every survey."""
    issue = any_rig.open()
    any_rig.close(issue)
    any_rig.site.reopen(issue)
    any_rig.advance(hours=1)
    ticket = await pulled(any_rig, new_hub, issue)
    fetched = await any_rig.source().fetch([issue.id])
    assert fetched.tickets == (ticket,)
    assert ticket.reopen_count == 1


async def test_fetch_leaves_out_what_the_settings_do_not_mean(any_rig: Any) -> None:
    """Webhooks tell of all projects of a site, and tickets move."""
    other = any_rig.site.add_project("HLP")
    inside, outside, unwanted = any_rig.close(), any_rig.close(), any_rig.close()
    any_rig.site.move(outside, other)
    unwanted.priority = "Low"
    any_rig.site.touch(unwanted)
    source = any_rig.source(jql="priority != Low")
    fetched = await source.fetch([inside.id, outside.id, unwanted.id])
    assert [ticket.id for ticket in fetched.tickets] == [inside.id]
    assert set(fetched.gone) == {outside.id, unwanted.id}


async def test_fetch_does_not_leave_the_filter_to_a_stale_index(cloud: Any) -> None:
    """Search is told which tickets it must know as they are; it lets itself be told of fifty at a time."""
    cloud.site.search_lag = timedelta(hours=1)
    ids = [cloud.close().id for _ in range(100)]
    fetched = await cloud.source(jql="priority = Medium").fetch(ids)
    assert [ticket.id for ticket in fetched.tickets] == ids


async def test_fetch_of_a_page_that_is_not_jiras_does_not_withdraw_surveys(data_center: Any) -> None:
    """A proxy's 404 is no word of Jira's on the ticket."""
    issue = data_center.close()
    source = data_center.source()
    await source.fetch([issue.id])
    data_center.site.faults.on("GET", r"/issue/", Answer(404, b"<html>not here</html>", {"content-type": "text/html"}))
    with pytest.raises(Exception, match="no Jira API"):
        await source.fetch([issue.id])
