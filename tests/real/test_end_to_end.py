"""The main job on real servers: tickets closed in a real mailbox, surveys over Kannel and Postfix, answers back.

One hub runs through all tests of this module, as it would for a day. Each test has customers of its own.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import httpx
import pytest

from tests.browsing import answer
from tests.daemon.running import HubProcess, wait_until
from tests.real import settings
from tests.real.desk import DESK, SURVEYS, DeskPeople, plain
from tests.real.servers.kannel import Kannel
from tests.real.servers.mail import MailServer, password

PHONES = {
    "anna@customer.test": "+358401234100",
    "bertta@customer.test": "+358401234101",
    "carl@customer.test": "+358401234102",
    "refused@customer.test": "+358401230001",
    "dora@customer.test": "+358401234104",
    "eero@customer.test": "+358401234105",
    "frida@customer.test": "+358401234106",
    "gitta@customer.test": "+358401234107",
}


class World:
    """The hub, and everybody around it."""

    def __init__(self, hub: HubProcess, mail: MailServer, kannel: Kannel) -> None:
        self.hub = hub
        self.mail = mail
        self.kannel = kannel
        self.people = DeskPeople(mail)

    def close_ticket(self, customer: str, subject: str, *, by_keyword: bool = False) -> None:
        """A customer writes, and an agent closes the matter once the hub has seen nothing special yet."""
        self.people.write(customer, subject)
        wait_until(lambda: any(m["Subject"] == subject for m in self.people.in_folder("INBOX")), "the mail is there")
        if by_keyword:
            self.people.close_by_keyword(subject)
        else:
            self.people.close_by_moving(subject)

    def sms_to(self, customer: str) -> list[str]:
        return self.kannel.texts_at(PHONES[customer])

    def wait_for_sms(self, customer: str) -> str:
        wait_until(lambda: self.sms_to(customer), f"a text for {customer}")
        (text,) = self.sms_to(customer)
        return text

    def wait_for_survey(self, customer: str, subject: str) -> EmailMessage:
        def find() -> list[EmailMessage]:
            return [m for m in self.mail.read(customer) if m["X-XM-Survey"] and subject in plain(m)]

        wait_until(find, f"a survey for {customer}")
        (survey,) = find()
        return survey

    def wait_for_result(self, subject: str) -> str:
        def find() -> EmailMessage | None:
            return next((m for s, m in self.people.results().items() if s.endswith(subject)), None)

        return plain(wait_until(find, f"the result of {subject!r} is in the mailbox"))

    def skipped(self) -> dict[str, int]:
        return dict(self.hub.json("status")["skipped"])


@pytest.fixture(scope="module")
def world(mail: MailServer, kannel: Kannel, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("hub")
    hub = HubProcess(folder, port=kannel.hook_port)
    _write_files(folder, mail, kannel)
    everybody = World(hub, mail, kannel)
    everybody.people.prepare_folders("Closed", "Sent", "Survey results")
    old = everybody.people
    old.write("old@customer.test", "an old matter")
    wait_until(lambda: old.in_folder("INBOX"), "the old mail is there")
    old.close_by_moving("an old matter")
    hub.start()
    wait_until(lambda: "sources.desk" in hub.json("state", "show")["cursors"], "the desk was looked at once")
    wait_until(lambda: "gateways.mail" in hub.json("state", "show")["cursors"], "the answers' mailbox was looked at")
    yield everybody
    hub.kill()


def _write_files(folder: Path, mail: MailServer, kannel: Kannel) -> None:
    rows = "\n".join(f"{address},{number},fi,Asiakas" for address, number in PHONES.items())
    (folder / "contacts.csv").write_text(f"email,phone,language,name\n{rows}\npekka@customer.test,,sv,Pekka\n")
    (folder / "desk").write_text(f"{password(DESK)}\n")
    own = f"""
[hub]
contacts = "contacts.csv"
[surveys.closing]
messages = 1
[exclusions.staff]
domains = ["own.test"]
[sources.desk]
plugin = "email"
interval = "5s"
host = "{mail.host}"
port = {mail.ports.imaps}
ca_file = "{mail.ca_file}"
username = "{DESK}"
password = {{ file = "desk" }}
closed_keyword = "$Closed"
result_keywords = true
"""
    (folder / "hub.toml").write_text(
        own
        + settings.web(kannel)
        + settings.survey("sms", "mail")
        + settings.sms(kannel, folder)
        + settings.mail(mail, folder)
    )


def test_every_system_passes_the_check(world: World) -> None:
    result = world.hub.command("check")
    assert result.returncode == 0, result.stdout + result.stderr


def test_moved_mail_sms_and_a_digit_come_back_onto_the_ticket(world: World) -> None:
    world.close_ticket("anna@customer.test", "printer on fire")
    world.wait_for_sms("anna@customer.test")
    world.kannel.reply(PHONES["anna@customer.test"], world.kannel.desk_number, "5 Kiitos, hyvää työtä!")
    result = world.wait_for_result("printer on fire")
    assert "SERVICE: 5 of 1 to 5" in result
    assert "Kiitos, hyvää työtä!" in result
    wait_until(lambda: b"$XM_SERVICE_5" in world.people.flags("Closed"), "the keyword is kept")
    assert b"\\Seen" not in world.people.flags("Closed")


def test_a_keyword_closes_too_and_the_answer_may_come_by_post(world: World) -> None:
    world.close_ticket("bertta@customer.test", "mouse is deaf", by_keyword=True)
    world.wait_for_sms("bertta@customer.test")
    world.kannel.reply(PHONES["bertta@customer.test"], world.kannel.post_number, "2\nEi toiminut 😞")
    result = world.wait_for_result("mouse is deaf")
    assert "SERVICE: 2 of 1 to 5" in result
    assert "Ei toiminut 😞" in result


def test_a_mailed_reply_without_its_quote_comes_back_onto_the_ticket(world: World) -> None:
    world.close_ticket("maija@customer.test", "broken screen")
    survey = world.wait_for_survey("maija@customer.test", "broken screen")
    assert survey["List-Unsubscribe"]
    assert survey["Auto-Submitted"] == "auto-generated"
    world.people.answer(survey, "maija@customer.test", "4 ihan hyvin meni")
    result = world.wait_for_result("broken screen")
    assert "SERVICE: 4 of 1 to 5" in result
    assert "ihan hyvin meni" in result
    assert "kirjoitti" not in result


def test_a_tap_opens_a_page_that_counts_only_when_it_is_confirmed(world: World) -> None:
    world.close_ticket("pekka@customer.test", "slow network")
    survey = world.wait_for_survey("pekka@customer.test", "slow network")
    (link,) = set(re.findall(r"http://\S+/a/\S+\?r=3", plain(survey)))
    for _ in range(3):
        page = httpx.get(link)
        assert 'lang="sv"' in page.text
    assert not any("slow network" in subject for subject in world.people.results())
    posted = answer(link, service="3", comment="Det gick långsamt")
    assert posted.status_code == 303
    assert "Det gick långsamt" in world.wait_for_result("slow network")


def test_a_bounce_closes_the_survey_and_the_address_is_not_used_again(world: World) -> None:
    world.close_ticket("nobody@customer.test", "ghost in the machine")
    wait_until(lambda: _states(world, "failed")["bounce_5.1.1"] == 1, "the bounce came back")
    world.close_ticket("nobody@customer.test", "second ghost")
    wait_until(lambda: world.skipped().get("unusable_address") == 1, "the address is not used again")


def test_a_full_mailbox_fails_the_survey_and_keeps_the_address(world: World) -> None:
    world.close_ticket("full@customer.test", "no room")
    wait_until(lambda: _states(world, "failed")["bounce_5.2.2"] == 1, "the bounce came back")
    assert world.skipped().get("unusable_address", 0) <= 1, "only the ghost's"


def test_an_out_of_office_note_is_kept_and_is_no_answer(world: World) -> None:
    world.close_ticket("away@customer.test", "on holiday")
    survey = world.wait_for_survey("away@customer.test", "on holiday")
    note = EmailMessage()
    note["From"], note["To"], note["Subject"] = (
        "away@customer.test",
        survey["Reply-To"],
        "Poissa: automaattinen vastaus",
    )
    note["Auto-Submitted"] = "auto-replied"
    note["In-Reply-To"] = survey["Message-ID"]
    note.set_content("5 päivää lomaa. Palaan asiaan.")
    world.mail.deliver(note, sender="away@customer.test", recipient=str(survey["Reply-To"]))
    wait_until(lambda: world.hub.json("status")["answers"].get("automatic") == 1, "the note is kept")
    assert not any("on holiday" in subject for subject in world.people.results())


def test_a_number_that_the_operator_refuses_fails_the_survey(world: World) -> None:
    world.close_ticket("refused@customer.test", "wrong number")
    wait_until(lambda: sum(_states(world, "failed").values()) == 3, "the operator's refusal came as a report")
    assert world.sms_to("refused@customer.test") == []


def test_own_staff_and_old_matters_are_not_surveyed(world: World) -> None:
    world.close_ticket("colleague@own.test", "inside matter")
    wait_until(lambda: world.skipped().get("excluded:staff") == 1, "the colleague is not asked")
    assert not any("an old matter" in m.get_content() for m in world.mail.read(SURVEYS) if not m.is_multipart())


def test_kannel_stopped_in_the_middle_loses_nothing_and_repeats_nothing(world: World) -> None:
    world.kannel.stop()
    try:
        for customer in ("carl@customer.test", "dora@customer.test"):
            world.close_ticket(customer, f"matter of {customer}")
        wait_until(
            lambda: not world.hub.json("status")["components"].get("gateways.sms:send", {"ok": True})["ok"],
            "the hub notices",
        )
    finally:
        world.kannel.start()
    for customer in ("carl@customer.test", "dora@customer.test"):
        world.wait_for_sms(customer)


def test_imap_cut_during_idle_is_survived(world: World) -> None:
    world.mail.stop()
    wait_until(lambda: not world.hub.json("status")["components"]["sources.desk"]["ok"], "the hub notices")
    world.mail.start()
    world.close_ticket("eero@customer.test", "after the cut")
    world.wait_for_sms("eero@customer.test")


def test_a_killed_hub_goes_on_where_it_was(world: World) -> None:
    world.close_ticket("frida@customer.test", "before the kill")
    world.wait_for_sms("frida@customer.test")
    world.hub.kill()
    world.people.write("gitta@customer.test", "while it was dead")
    wait_until(lambda: any(m["Subject"] == "while it was dead" for m in world.people.in_folder("INBOX")), "mail came")
    world.people.close_by_moving("while it was dead")
    world.hub.start()
    world.kannel.reply(PHONES["frida@customer.test"], world.kannel.desk_number, "1")
    assert "SERVICE: 1 of 1 to 5" in world.wait_for_result("before the kill")
    world.wait_for_sms("gitta@customer.test")


def test_at_the_end_nothing_was_lost_and_nothing_happened_twice(world: World) -> None:
    assert world.hub.stop() == 0
    texts = Counter(to for to, _ in world.kannel.sent() if f"+{to.lstrip('+')}" in PHONES.values())
    assert max(texts.values()) == 1
    assert len(texts) == len(PHONES) - 1, "everybody but the refused number"
    assert len(world.people.results()) == 5
    log = world.hub.log_text()
    for personal in (*PHONES, *PHONES.values(), "hyvää työtä", "långsamt", password(DESK)):
        assert personal not in log


def _states(world: World, state: str) -> Counter[str]:
    rows = world.hub.json("invitations", "list", "--state", state)["invitations"]
    return Counter(row["reason"] for row in rows)
