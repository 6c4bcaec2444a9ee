"""Webhooks: only authentic requests count, and they are hints."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hub_jira import webhooks
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from sandbox.jira.webhooks import Delivery, sign

from hub import Hint, Webhook, WebhookRefused

SECRET = SecretStr("s3cr3t-of_16-letters")
HOOK_URL = "https://survey.example/hooks/acme"
A4_BODY = b'{"timestamp":1772360130123,"webhookEvent":"jira:issue_updated","issue":{"id":"10231","key":"SUP-42"}}'
A4_SIGNATURE = "sha256=b49bae1aca93a7202055ba8c47f2413ac5ac553aaf6606bc3c4ee8518b901118"


def arrived(sent: Delivery) -> Webhook:
    """A delivery as the hub hands it over: header names in lower case, the path below the hook URL."""
    headers = {name.lower(): value for name, value in sent.headers.items()}
    path = sent.url.removeprefix(HOOK_URL).removeprefix("/")
    return Webhook(method=sent.method, path=path, headers=headers, body=sent.body)


def request(body: bytes = A4_BODY, *, path: str = "", method: str = "POST", **headers: str) -> Webhook:
    signed = {} if path else {"x-hub-signature": sign(SECRET.get_secret_value(), body)}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Webhook(method=method, path=path, headers={**signed, **named}, body=body)


def refused(asked: Webhook, secret: SecretStr | None = SECRET) -> int:
    with pytest.raises(WebhookRefused) as refusal:
        webhooks.read(asked, secret)
    assert SECRET.get_secret_value() not in str(refusal.value)
    return refusal.value.status


def test_the_signature_is_the_one_jira_makes() -> None:
    asked = Webhook(method="POST", path="", headers={"x-hub-signature": A4_SIGNATURE}, body=A4_BODY)
    assert webhooks.read(asked, SecretStr("s3cr3t")) == Hint(("10231",), None)


def test_a_signature_may_be_written_in_capitals() -> None:
    asked = Webhook(method="POST", path="", headers={"x-hub-signature": A4_SIGNATURE.upper()}, body=A4_BODY)
    assert webhooks.read(asked, SecretStr("s3cr3t")) == Hint(("10231",), None)


@pytest.mark.parametrize("event", ["jira:issue_created", "jira:issue_updated", "jira:issue_deleted"])
def test_a_webhook_of_an_admin_is_signed(world: Any, event: str) -> None:
    issue = world.closed()
    world.site.webhooks.register(HOOK_URL, secret=SECRET.get_secret_value(), events=[event])
    [sent] = world.site.webhooks.deliver(issue, event)
    hint = webhooks.read(arrived(sent), SECRET)
    assert hint.ticket_ids == (issue.id,)
    assert hint.delivery_id == sent.headers["x-atlassian-webhook-identifier"]


def test_a_dynamic_webhook_proves_itself_by_its_address(cloud: Any) -> None:
    issue = cloud.closed()
    cloud.site.webhooks.register(f"{HOOK_URL}/{SECRET.get_secret_value()}", dynamic=True)
    [sent] = cloud.site.webhooks.deliver(issue)
    assert webhooks.read(arrived(sent), SECRET).ticket_ids == (issue.id,)


def test_a_repetition_has_the_same_delivery_id(cloud: Any) -> None:
    """Checklist 21. The hub follows each delivery id once."""
    cloud.site.webhooks.register(HOOK_URL, secret=SECRET.get_secret_value())
    [sent] = cloud.site.webhooks.deliver(cloud.closed())
    first, again = webhooks.read(arrived(sent), SECRET), webhooks.read(arrived(sent.again()), SECRET)
    assert first == again
    assert first.delivery_id


def test_a_late_secondary_delivery_is_a_hint_like_any_other(cloud: Any) -> None:
    """Checklist 21. What it says of the ticket is old by now, and is not read."""
    issue = cloud.closed()
    cloud.site.webhooks.register(HOOK_URL, secret=SECRET.get_secret_value())
    [sent] = cloud.site.webhooks.deliver(issue, flow="Secondary")
    cloud.site.reopen(issue)
    assert webhooks.read(arrived(sent), SECRET).ticket_ids == (issue.id,)


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        (request(x_hub_signature="sha256=" + "0" * 64), 403),
        (request(x_hub_signature=sign("another secret", A4_BODY)), 403),
        (request(x_hub_signature=sign(SECRET.get_secret_value(), A4_BODY).removeprefix("sha256=")), 403),
        (request(x_hub_signature=""), 403),
        (request(x_hub_signature="sha256=ÄÖ\udcff"), 403),
        (Webhook(method="POST", path="", body=A4_BODY), 403),
        (request(path="s3cr3t-of_16-letterz"), 403),
        (request(path="s3cr3t-of_16-letters/more"), 403),
        (request(path="s3cr3t"), 403),
        (request(path="ÄÖ\udcff"), 403),
        (request(method="GET"), 405),
        (request(b"x" * (1024 * 1024 + 1)), 413),
        (request(b""), 400),
        (request(b"[]"), 400),
        (request(b"<html>"), 400),
        (request(b"\xff\xfe"), 400),
        (request(b"[" * 100_000), 400),
        (request(b'{"issue":' * 100_000), 400),
    ],
)
def test_what_is_not_authentic_or_not_readable_is_refused(asked: Webhook, status: int) -> None:
    """Checklist 21."""
    assert refused(asked) == status


def test_a_body_changed_on_the_way_is_refused() -> None:
    asked = request()
    changed = Webhook(method="POST", path="", headers=asked.headers, body=A4_BODY.replace(b"10231", b"10232"))
    assert refused(changed) == 403


def test_a_source_without_a_secret_believes_nobody() -> None:
    assert refused(request(), None) == 403
    assert refused(request(path="None"), None) == 403


@pytest.mark.parametrize(
    ("event", "ids"),
    [
        ({"issue": {"id": "10231"}}, ("10231",)),
        ({"issue": {"id": 10231}}, ("10231",)),
        ({"id": "10231", "key": "SUP-42", "fields": {}}, ("10231",)),
        ({"webhookEvent": "jira:version_released", "version": {"id": "1"}}, ()),
        ({"webhookEvent": "comment_created", "comment": {"id": "7"}, "issue": {"id": "10231"}}, ("10231",)),
        ({"issue": {"id": "../../myself"}}, ()),
        ({"issue": {"id": "1" * 30}}, ()),
        ({"issue": {"id": None}}, ()),
        ({"issue": {"id": True}}, ()),
        ({"issue": []}, ()),
        ({}, ()),
    ],
)
def test_an_event_names_at_most_one_ticket(event: dict[str, Any], ids: tuple[str, ...]) -> None:
    assert webhooks.read(request(json.dumps(event).encode()), SECRET).ticket_ids == ids


def test_a_strange_delivery_id_is_not_kept() -> None:
    for identity in ("", "x" * 201, "with space", "\x00", "ä"):
        assert webhooks.read(request(x_atlassian_webhook_identifier=identity), SECRET).delivery_id is None


@given(st.binary(max_size=200), st.text(max_size=40), st.dictionaries(st.just("x-hub-signature"), st.text(max_size=80)))
def test_no_request_without_the_secret_is_believed(body: bytes, path: str, headers: dict[str, str]) -> None:
    assert refused(Webhook(method="POST", path=path, headers=headers, body=body)) == 403


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["issue", "id", "key"]), inner),
    max_leaves=8,
)


@given(json_values)
def test_any_signed_json_is_read_or_refused(value: Any) -> None:
    asked = request(json.dumps(value).encode())
    if isinstance(value, dict):
        assert all(each.isdecimal() for each in webhooks.read(asked, SECRET).ticket_ids)
    else:
        assert refused(asked) == 400
