"""Settings that can be right by themselves and still not fit the site or the files beside them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from sandbox.jira import Answer

from hub import ConfigError, Unavailable, Unexpected

CONTACTS = "account,email,phone,language\n"


async def results(rig: Any, **settings: Any) -> dict[str, Any]:
    """What `hub check` finds, by its title."""
    return {result.what: result for result in await rig.source(**settings).check()}


async def test_name_of_a_project_in_place_of_its_key_is_told(any_rig: Any, new_hub: Any) -> None:
    """Search would take it, and each ticket would then be gone when it is read by itself."""
    any_rig.project.name = "Support"
    hub = new_hub(any_rig.source(projects=["SUP", "Support"]))
    with pytest.raises(Unexpected, match=r"^Support: no such project.*not names"):
        await hub.pull()
    found = (await results(any_rig, projects=["SUP", "Support"]))["projects"]
    assert not found.ok
    assert found.detail.startswith("Support: no such project")


async def test_key_in_small_letters_is_the_same_project(any_rig: Any, new_hub: Any) -> None:
    """As in Jira's own search."""
    hub = new_hub(any_rig.source(projects=["sup"]))
    await hub.pull()
    issue = any_rig.close()
    any_rig.advance(minutes=1)
    await hub.pull()
    fetched = await hub.source.fetch([issue.id])
    assert hub.ids == {ticket.id for ticket in fetched.tickets} == {issue.id}


async def test_project_that_was_given_another_key_keeps_its_tickets(any_rig: Any) -> None:
    """Jira goes on finding it by the old one, and the project's id stays."""
    source = any_rig.source()
    issue = any_rig.close()
    await source.fetch([issue.id])
    any_rig.project.key = "HELP"
    issue.key = "HELP-1"
    any_rig.site.issues.learn_key(issue)
    fetched = await source.fetch([issue.id])
    assert [ticket.key for ticket in fetched.tickets] == ["HELP-1"]


async def test_projects_are_looked_up_once_a_day(any_rig: Any, new_hub: Any) -> None:
    """Not for each pull."""
    hub = new_hub(any_rig.source())
    for _ in range(3):
        await hub.pull()
    assert any_rig.asked("/project/SUP") == 1
    any_rig.advance(hours=25)
    await hub.pull()
    assert any_rig.asked("/project/SUP") == 2


async def test_project_that_cannot_be_asked_for_is_not_missing(any_rig: Any, new_hub: Any) -> None:
    """An outage, and a proxy's 404, say nothing of it."""
    hub = new_hub(any_rig.source())
    any_rig.site.faults.on("GET", "/project/", Answer(503), times=0)
    with pytest.raises(Unavailable):
        await hub.pull()
    any_rig.site.faults.clear()
    any_rig.site.faults.on("GET", "/project/", Answer(404, b"<html>", {"content-type": "text/html"}))
    with pytest.raises(Unexpected, match="no Jira API"):
        await hub.pull()
    await hub.pull()


async def test_broken_contacts_file_is_told_before_a_ticket_needs_it(cloud: Any, new_hub: Any, tmp_path: Path) -> None:
    """By `hub check` and by the first pull."""
    path = tmp_path / "contacts.csv"
    path.write_text("email;phone\n")
    found = (await results(cloud, contacts_file=path))["contacts file"]
    assert not found.ok
    assert "the first line lacks the column account" in found.detail
    hub = new_hub(cloud.source(contacts_file=path))
    with pytest.raises(ConfigError, match="the first line lacks"):
        await hub.pull()
    path.write_text(f"{CONTACTS}5b10,mia@customer.example,,fi\n")
    assert (await results(cloud, contacts_file=path))["contacts file"].detail == "1 accounts"


async def test_contacts_file_that_changes_is_read_again(cloud: Any, new_hub: Any, tmp_path: Path) -> None:
    """Without a restart; and only then."""
    path = tmp_path / "contacts.csv"
    path.write_text(CONTACTS)
    os.utime(path, (1, 1))
    mia = cloud.customer("Mia K.", "", email_shown="nowhere")
    hub = new_hub(cloud.source(contacts_file=path))
    await hub.pull()
    cloud.advance(minutes=1)
    issue = cloud.close(cloud.open(reporter=mia))
    path.write_text(f"{CONTACTS}{mia.account_id},mia@customer.example,,fi\n")
    [ticket] = (await hub.source.fetch([issue.id])).tickets
    assert ticket.customer.email == "mia@customer.example"
    path.unlink()
    with pytest.raises(ConfigError, match="cannot be read"):
        await hub.source.fetch([issue.id])
