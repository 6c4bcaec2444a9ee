"""Which signatures are believed: worked examples, and everything that a forger could try."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
import sandbox.twilio as simulated
from hub_twilio.signature import sign, signed_form
from hypothesis import given
from hypothesis import strategies as st
from sandbox.twilio import Delivery

from hub import Webhook, WebhookRefused

TOKEN, KEY = "12345", "secret-of-a-shared-key"
URL = "https://hub.example.test/twilio/inbound?tenant=acme"
FORM = {
    "Body": "5 Hyvää työtä!",
    "From": "+358401234567",
    "MessageSid": "SM00000000000000000000000000000001",
    "NumMedia": "0",
    "To": "+358457000000",
}
TYPE = "application/x-www-form-urlencoded; charset=UTF-8"
EXAMPLES = [
    (URL, FORM, "E9AyQy17uR4SdHssi86HCbesBl8="),
    (
        "https://mycompany.com/myapp.php?foo=1&bar=2",
        {
            "CallSid": "CA1234567890ABCDE", "Caller": "+14158675309", "Digits": "1234", "From": "+14158675309",
            "To": "+18005551212",
        },
        "RSOYDt4T1cUTdK1PDd93/VVr8B8=",
    ),
]  # fmt: skip


def request(
    url: str = URL, form: Mapping[str, str] | list[tuple[str, str]] = FORM, signature: str | None = None, **more: Any
) -> Webhook:
    pairs = list(form.items()) if isinstance(form, Mapping) else form
    given = sign(url, pairs, TOKEN) if signature is None else signature
    headers = {"content-type": TYPE, "x-twilio-signature": given, **more.pop("headers", {})}
    return Webhook(method="POST", path="inbound", headers=headers, body=urlencode(pairs).encode(), url=url, **more)


def believed(what: Webhook, *, key: str | None = None) -> dict[str, str]:
    return signed_form(what, TOKEN, key)


@pytest.mark.parametrize(("url", "form", "signature"), EXAMPLES)
def test_the_worked_examples(url: str, form: dict[str, str], signature: str) -> None:
    assert sign(url, list(form.items()), TOKEN) == signature
    assert believed(request(url, form, signature)) == form


def test_every_field_counts_also_unknown_blank_and_repeated_ones() -> None:
    form = [*FORM.items(), ("FromCity", ""), ("Novelty", "x"), ("MediaUrl", "b"), ("MediaUrl", "a"), ("MediaUrl", "a")]
    good = request(form=form)
    assert believed(good)["FromCity"] == ""
    for dropped in ("FromCity=&", "&Novelty=x", "MediaUrl=b&"):
        with pytest.raises(WebhookRefused):
            believed(replace(good, body=good.body.replace(dropped.encode(), b"")))


def test_names_are_sorted_by_their_letters_case_included() -> None:
    assert sign("u", [("b", "1"), ("B", "2"), ("a", "3")], "k") == sign("u", [("a", "3"), ("B", "2"), ("b", "1")], "k")
    assert sign("u", [("b", "1"), ("B", "2")], "k") == sign("uB2b1", [], "k")


@pytest.mark.parametrize(
    ("configured", "signed"),
    [
        ("https://hub.example.test/x?y=1", "https://hub.example.test:443/x?y=1"),
        ("https://hub.example.test:443/x?y=1", "https://hub.example.test/x?y=1"),
        ("http://hub.example.test/x", "http://hub.example.test:80/x"),
        ("https://hub.example.test:8443/x", "https://hub.example.test/x"),
        ("https://[2001:db8::1]/x", "https://[2001:db8::1]:443/x"),
        ("https://hub.example.test", "https://hub.example.test:443"),
    ],
)
def test_the_port_may_be_written_or_not(configured: str, signed: str) -> None:
    what = replace(request(signed), url=configured)
    assert believed(what) == FORM


@pytest.mark.parametrize(
    "url",
    [
        "http://hub.example.test/twilio/inbound?tenant=acme",
        "https://hub.example.test/twilio/inbound",
        "https://hub.example.test/twilio/inbound?tenant=other",
        "https://hub.example.test/twilio/inbound?tenant=acme&",
        "https://hub.example.test/twilio/status/x?tenant=acme",
        "https://other.example.test/twilio/inbound?tenant=acme",
        "https://HUB.example.test/twilio/inbound?tenant=acme",
        "",
        "hub.example.test",
        "https://[/",
    ],
)
def test_a_genuine_request_is_not_believed_at_another_address(url: str) -> None:
    with pytest.raises(WebhookRefused) as caught:
        believed(replace(request(), url=url))
    assert caught.value.status == 403


@pytest.mark.parametrize("signature", ["", "x", "E9AyQy17uR4SdHssi86HCbesBl8", "ä", "\udcff", " ", "=" * 5000])
def test_a_wrong_signature_is_refused(signature: str) -> None:
    with pytest.raises(WebhookRefused) as caught:
        believed(request(signature=signature))
    assert caught.value.status == 403
    assert "+358" not in str(caught.value)


@pytest.mark.parametrize("name", list(FORM))
def test_a_changed_added_or_missing_value_is_refused(name: str) -> None:
    good = request()
    rest = {other: value for other, value in FORM.items() if other != name}
    for tampered in ({**FORM, name: FORM[name] + "1"}, rest, {**FORM, name.lower(): "x"}, {**FORM, "OptOutType": ""}):
        with pytest.raises(WebhookRefused):
            believed(replace(good, body=urlencode(tampered).encode()))


def test_a_repetition_of_a_field_cannot_replace_the_signed_value() -> None:
    good = request()
    with pytest.raises(WebhookRefused):
        believed(replace(good, body=good.body + b"&From=%2B358407654321"))
    assert believed(replace(good, body=good.body + b"&From=%2B358401234567")) == FORM, "an equal one changes nothing"


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b'{"From": "+358401234567", "Body": "5"}'),
        ("application/json", urlencode(FORM).encode()),
        ("text/plain", urlencode(FORM).encode()),
        ("", urlencode(FORM).encode()),
        ("multipart/form-data; boundary=x", b"--x--"),
    ],
)
def test_only_a_form_is_read_whatever_is_signed(content_type: str, body: bytes) -> None:
    """The signature of a JSON request covers the address alone: such a one must not lend it to a body of choice."""
    url = f"{URL}&bodySHA256={'0' * 64}"
    for signed in (sign(url, [], TOKEN), sign(url, list(FORM.items()), TOKEN)):
        headers = {"content-type": content_type, "x-twilio-signature": signed}
        with pytest.raises(WebhookRefused) as caught:
            believed(Webhook(method="POST", path="inbound", headers=headers, body=body, url=url))
        assert caught.value.status == 415


@pytest.mark.parametrize("body", [b"&" * 600, b"a=1&" * 501, b"x" * 65536, b"\xff\xfe=%ff", b"%", b"a=%zz"])
def test_a_body_of_rubbish_is_refused(body: bytes) -> None:
    with pytest.raises(WebhookRefused):
        believed(replace(request(), body=body))


def shared(form: Mapping[str, str] = FORM, *, key: str = KEY, settings: str | None = None) -> Webhook:
    """A request signed with SHA-256."""
    settings = settings or "key=webhooks_sharedkey_1,algorithm=HMAC_SHA256"
    headers = {"x-twilio-webhooks-signature-settings": settings}
    return request(signature=sign(URL, list(form.items()), key, "HMAC_SHA256"), form=form, headers=headers)


@pytest.mark.parametrize(
    "settings", [None, "algorithm=HMAC_SHA256", " key = k , algorithm = HMAC_SHA256", "algorithm=hmac_sha256"]
)
def test_a_shared_key_signs_too_when_the_settings_have_it(settings: str | None) -> None:
    spaced = settings and settings.replace(" = ", "=")
    assert believed(shared(settings=spaced), key=KEY) == FORM
    assert believed(request(), key=KEY) == FORM, "the auth token still counts"


def test_a_shared_key_is_not_believed_without_the_setting() -> None:
    with pytest.raises(WebhookRefused, match="webhook_key"):
        believed(shared())


@pytest.mark.parametrize(
    "what",
    [
        pytest.param(shared(key=TOKEN), id="the auth token with the other algorithm"),
        pytest.param(shared(settings="algorithm=HMAC_SHA1"), id="the shared key under the old name"),
        pytest.param(shared(settings="algorithm=NONE"), id="no algorithm"),
        pytest.param(shared(settings="algorithm=HMAC_MD5"), id="a weak algorithm"),
        pytest.param(request(signature=sign(URL, list(FORM.items()), KEY)), id="the shared key with SHA-1"),
    ],
)
def test_each_kind_of_signature_has_its_own_key(what: Webhook) -> None:
    with pytest.raises(WebhookRefused) as caught:
        believed(what, key=KEY)
    assert caught.value.status == 403


NAMES = st.text("aBä&=+% 👍", min_size=1, max_size=4)
VALUES = st.text("aBä&=+%\n\0 👍", max_size=8)


@given(st.lists(st.tuples(NAMES, VALUES), max_size=6))
def test_what_the_account_signs_is_believed_and_read_as_it_was_sent(form: list[tuple[str, str]]) -> None:
    """The account's own signing was written apart from the plugin's."""
    sid = [("MessageSid", FORM["MessageSid"])]
    delivery = Delivery(URL, (*sid, *form), TOKEN)
    what = Webhook(method="POST", path="inbound", headers=delivery.headers, body=delivery.body, url=URL)
    assert believed(what) == dict(parse_qsl(delivery.body.decode(), keep_blank_values=True))


@given(st.text(), st.dictionaries(st.sampled_from(["content-type", "x-twilio-signature",
       "x-twilio-webhooks-signature-settings"]), st.text() | st.just(TYPE)), st.binary())  # fmt: skip
def test_no_request_raises_anything_but_a_refusal(url: str, headers: dict[str, str], body: bytes) -> None:
    with pytest.raises(WebhookRefused):
        believed(Webhook(method="POST", path="inbound", headers=headers, body=body, url=url), key=KEY)


def test_the_simulated_account_signs_the_worked_examples() -> None:
    for url, form, signature in EXAMPLES:
        assert simulated.sign(url, list(form.items()), TOKEN) == signature
