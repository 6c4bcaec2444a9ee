"""DKIM: what the signature covers, that it holds on arrival, and what `hub check` says of the key in DNS."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import Any

import dkim
import pytest
from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hub_email.addressing import parse_mailbox
from hub_email.compose import compose
from hub_email.gateway import EmailGateway
from hub_email.gateway_config import DkimSettings, EmailGatewaySettings
from hub_email.signing import SIGNED, Signer
from pydantic import SecretStr, ValidationError

from hub import Message

KEY = "abcdefghij234567abcd"
AT = datetime(2026, 6, 1, 10, 15, tzinfo=UTC)
MESSAGE = Message(
    key=KEY,
    recipient="pekka@firma.fi",
    text="Hei!\n.Miten meni?  \n\nVastaa 1–5.\n\n\n",
    html="<p>Miten meni? 🙂</p>",
    subject="Miten meni – käyttäjätuki? " + "Pitkä otsikko " * 10,
    unsubscribe_url=f"https://survey.acme.fi/u/{KEY}",
    in_reply_to="<1@firma.fi>",
)
SETTINGS: dict[str, Any] = {
    "smtp_host": "smtp.acme.fi",
    "from_address": "Acme Käyttäjätuki <survey@acme.fi>",
    "reply_address": "vastaus@acme.fi",
}
NAME = "hub1._domainkey.acme.fi"


@cache
def pem(kind: str) -> str:
    """A private key in PEM; made when first wanted, as that takes a while."""
    name, _, shape = kind.partition(", ")
    if name == "ed25519":
        key: Any = ed25519.Ed25519PrivateKey.generate()
    elif name == "elliptic":
        key = ec.generate_private_key(ec.SECP256R1())
    else:
        key = rsa_key(1024 if name == "short rsa" else 2048)
    layout = form.PrivateFormat.TraditionalOpenSSL if shape == "older form" else form.PrivateFormat.PKCS8
    protection = form.BestAvailableEncryption(b"x") if shape == "with passphrase" else form.NoEncryption()
    text = str(key.private_bytes(form.Encoding.PEM, layout, protection).decode())
    return text.replace("\n", "\r\n") if shape == "windows line ends" else text


@cache
def rsa_key(bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


@cache  # reading an RSA key takes a while, as its numbers are proved
def signer(kind: str = "rsa") -> Signer:
    return Signer(DkimSettings.model_validate({"domain": "acme.fi", "selector": "hub1", "private_key": pem(kind)}))


def mail(message: Message = MESSAGE) -> bytes:
    settings = EmailGatewaySettings.model_validate(SETTINGS)
    return compose(message, parse_mailbox(settings.from_address), settings.addressing(), AT)


@cache
def signed_mail() -> bytes:
    return signer().sign(mail())


def holds(signed: bytes, record: str) -> bool:
    """What a receiver finds that looks the key up."""

    def look_up(name: bytes, **_: object) -> bytes | None:
        return record.encode() if name.decode() == f"{NAME}." else None

    return bool(dkim.verify(signed, dnsfunc=look_up))


def covered(signed: bytes) -> list[str]:
    header = re.sub(rb"\s+", b"", signed[: signed.index(b"\r\nFrom:")])
    found = re.search(rb";h=([^;]+);", header)
    assert found
    return found[1].decode().split(":")


@pytest.mark.parametrize("kind", ["rsa", "rsa, older form", "rsa, windows line ends", "ed25519"])
def test_a_signed_survey_holds_with_the_record_that_the_hub_asks_for(kind: str) -> None:
    one, content = signer(kind), mail()
    signed = one.sign(content)
    assert signed.endswith(content)
    assert signed.isascii()
    assert max(len(line) for line in signed.partition(b"\r\nFrom:")[0].splitlines()) <= 78
    assert one.record_name == NAME
    assert holds(signed, one.record)


def test_every_header_that_matters_is_covered_against_change_and_a_second_one() -> None:
    names = covered(signed_mail())
    present = {line.partition(b":")[0].decode().lower() for line in mail().partition(b"\r\n\r\n")[0].splitlines()}
    wanted = {"from", "to", "subject", "date", "message-id", "reply-to", "mime-version", "content-type"}
    assert wanted | {"list-unsubscribe", "list-unsubscribe-post"} <= present & set(names)
    assert {name: names.count(name) for name in names} == {name.lower(): 2 for name in SIGNED}


@pytest.mark.parametrize(
    "name",
    ["From", "To", "Subject", "Date", "Message-ID", "Reply-To", "MIME-Version", "Content-Type", "In-Reply-To",
     "Auto-Submitted", "List-Unsubscribe", "List-Unsubscribe-Post"],
)  # fmt: skip
def test_a_changed_a_missing_and_a_second_header_are_noticed(name: str) -> None:
    one, signed = signer(), signed_mail()
    pattern = re.compile(rf"^({name}: )((?:.*\r\n)(?:[ \t].*\r\n)*)".encode(), re.MULTILINE)
    assert pattern.search(signed)
    assert holds(signed, one.record)
    assert not holds(pattern.sub(rb"\1x\2", signed), one.record)
    assert not holds(pattern.sub(b"", signed), one.record)
    assert not holds(pattern.sub(rb"\1\2\1evil@x.fi\r\n", signed), one.record)


def test_a_changed_text_is_noticed_and_what_servers_do_on_the_way_is_not() -> None:
    one, signed = signer(), signed_mail()
    assert not holds(signed.replace(b"Vastaa", b"Vastaisit"), one.record)
    folded = signed.replace(b"List-Unsubscribe: <https", b"List-Unsubscribe:\r\n\t<https")
    carried = b"Received: from a by b; Mon, 1 Jun 2026 10:15:00 +0000\r\n" + folded + b"\r\n\r\n"
    assert holds(carried, one.record)


def test_another_key_does_not_hold() -> None:
    assert not holds(signed_mail(), signer("short rsa").record)


def test_a_survey_without_https_or_html_is_signed_too() -> None:
    one = signer()
    bare = mail(replace(MESSAGE, html=None, unsubscribe_url="http://127.0.0.1:8080/u/x", in_reply_to=None))
    assert b"List-Unsubscribe-Post" not in bare
    signed = one.sign(bare)
    assert holds(signed, one.record)
    assert not holds(signed.replace(b"\r\nFrom:", b"\r\nList-Unsubscribe-Post: x\r\nFrom:", 1), one.record)


class TestSettings:
    @pytest.mark.parametrize(
        ("changes", "problem"),
        [
            ({"domain": "acme"}, "pattern"),
            ({"domain": "acme.fi; x=y"}, "pattern"),
            ({"domain": "käyttäjä.fi"}, "pattern"),
            ({"domain": "firma.fi"}, "DMARC"),
            ({"domain": "cme.fi"}, "DMARC"),
            ({"selector": "hub 1"}, "pattern"),
            ({"selector": ""}, "pattern"),
        ],
        ids=str,
    )
    def test_a_name_that_cannot_work_is_refused(self, changes: dict[str, str], problem: str) -> None:
        table = {"domain": "acme.fi", "selector": "hub1", "private_key": pem("rsa")} | changes
        with pytest.raises(ValidationError, match=problem):
            EmailGatewaySettings.model_validate(SETTINGS | {"dkim": table})

    @pytest.mark.parametrize(
        ("key", "problem"),
        [
            (lambda: "these are secret words and no key at all", "not a private key in PEM"),
            (lambda: pem("rsa").replace("PRIVATE", "PUBLIC"), "not a private key in PEM"),
            (lambda: pem("rsa")[:-80], "not a private key in PEM"),
            (lambda: pem("rsa, with passphrase"), "without one"),
            (lambda: pem("elliptic"), "RSA and Ed25519 keys only"),
        ],
        ids=["words", "public", "cut off", "passphrase", "another kind"],
    )
    def test_a_key_that_cannot_sign_is_refused_without_showing_it(self, key: Callable[[], str], problem: str) -> None:
        table = {"domain": "acme.fi", "selector": "hub1", "private_key": SecretStr(key())}  # as the hub gives it
        with pytest.raises(ValidationError, match=problem) as caught:
            EmailGatewaySettings.model_validate(SETTINGS | {"dkim": table})
        assert key()[10:30] not in str(caught.value)

    @pytest.mark.parametrize("domain", ["acme.fi", "ACME.fi", "mail.acme.fi"])
    def test_the_domain_may_be_that_of_the_sender_or_one_below(self, domain: str) -> None:
        table = {"domain": domain, "selector": "hub1", "private_key": pem("rsa")}
        assert EmailGatewaySettings.model_validate(SETTINGS | {"dkim": table}).dkim is not None

    def test_the_domain_may_be_one_above(self) -> None:
        table = {"domain": "acme.fi", "selector": "hub1", "private_key": pem("rsa")}
        settings = SETTINGS | {"from_address": "survey@mail.acme.fi", "dkim": table}
        assert EmailGatewaySettings.model_validate(settings).dkim is not None


def answers(*records: str) -> Callable[[str], Sequence[str]]:
    return lambda name: records if name == NAME else ()


class TestCheck:
    async def test_the_record_that_fits_is_found_among_others_and_folded(self) -> None:
        one = signer()
        folded = one.record.replace("p=", "p=\n ").replace("AQAB", "AQ AB")
        found = await one.check(answers("v=spf1 -all", folded))
        assert (found.ok, found.what) == (True, f"DKIM record {NAME}")
        assert "RSA, 2048 bits" in found.detail

    @pytest.mark.parametrize(
        ("records", "problem"),
        [
            ((), "knows none"),
            (("v=spf1 -all",), "another key"),
            (("v=DKIM1; p=",), "another key"),
            (("v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQ==",), "another key"),
        ],
        ids=["none", "another record", "withdrawn", "another key"],
    )
    async def test_a_record_that_does_not_fit_is_told_with_the_right_one(
        self, records: Sequence[str], problem: str
    ) -> None:
        one = signer()
        found = await one.check(answers(*records))
        assert not found.ok
        assert problem in found.detail
        assert one.record in found.detail

    async def test_without_dns_the_record_is_told_and_nothing_is_claimed(self) -> None:
        def offline(name: str) -> Sequence[str]:
            raise OSError("DNS gave no answer (LifetimeTimeout)")

        one = signer("ed25519")
        found = await one.check(offline)
        assert found.ok
        assert "not looked up: DNS gave no answer" in found.detail
        assert one.record in found.detail
        assert "many receivers cannot verify" in found.detail

    async def test_a_short_key_is_told(self) -> None:
        one = signer("short rsa")
        assert "1024 bits, 2048 are advised" in (await one.check(answers(one.record))).detail


async def test_the_gateway_signs_what_it_sends_and_checks_the_record(
    submission: Any, gateway_for: Callable[[dict[str, Any]], EmailGateway], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub_email.signing.txt_records", answers(signer().record))
    await submission.start()
    table = {"domain": "acme.fi", "selector": "hub1", "private_key": pem("rsa")}
    gateway = gateway_for(submission.settings(dkim=table))
    await gateway.send(MESSAGE)
    assert (await gateway.check())[-1].ok
    await gateway.close()
    [envelope] = submission.envelopes
    assert holds(envelope.original_content, signer().record)
