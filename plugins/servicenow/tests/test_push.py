"""Hints of a business rule, and the script in the README that sends them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest
from sandbox.servicenow import BusinessRule

from hub import Hint, Webhook, WebhookRefused

SECRET = "a-shared-secret-of-some-length"
README = Path(__file__).parents[1] / "README.md"
ID = "0a" * 16

FAKES = """
const sent = {headers: {}};
const sn_ws = {RESTMessageV2: class {
    setEndpoint(url) { sent.url = url; }
    setHttpMethod(method) { sent.method = method; }
    setRequestHeader(name, value) { sent.headers[name.toLowerCase()] = value; }
    setRequestBody(body) { sent.body = body; }
    executeAsync() { console.log(JSON.stringify(sent)); }
}};
const gs = {getProperty: (name) => name === 'xm.hub.push_secret' ? '%s' : null};
const current = {
    getTableName: () => 'incident',
    getUniqueValue: () => '%s',
    getValue: (name) => name === 'sys_mod_count' ? '7' : null,
};
const previous = null;
"""


def webhook(body: Any, *, secret: str | None = SECRET, method: str = "POST") -> Webhook:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {} if secret is None else {"x-hub-secret": secret}
    return Webhook(method=method, path="", headers=headers, body=content)


def hint(**changes: Any) -> dict[str, Any]:
    return {"table": "incident", "sys_id": ID, "sys_mod_count": "7"} | changes


async def test_a_hint_names_the_ticket_and_the_change(desk: Any) -> None:
    source = desk.source(push_secret=SECRET)
    assert await source.receive(webhook(hint())) == Hint((ID,), f"{ID}:7")
    assert await source.receive(webhook(hint(sys_mod_count=7))) == Hint((ID,), f"{ID}:7")


async def test_another_table_concerns_no_ticket(desk: Any) -> None:
    assert await desk.source(push_secret=SECRET).receive(webhook(hint(table="problem"))) == Hint(())


@pytest.mark.parametrize("secret", [None, "", SECRET[:-1], SECRET + "x", "ä" * 20, "\udcff"])
async def test_checklist_21_a_wrong_secret_is_refused(desk: Any, secret: str | None) -> None:
    """Checklist 21."""
    with pytest.raises(WebhookRefused) as refused:
        await desk.source(push_secret=SECRET).receive(webhook(hint(), secret=secret))
    assert refused.value.status == 403
    assert SECRET not in str(refused.value)


async def test_without_a_secret_nothing_is_taken(desk: Any) -> None:
    with pytest.raises(WebhookRefused) as refused:
        await desk.source().receive(webhook(hint(), secret=""))
    assert refused.value.status == 403


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff",
        b"[" * 4000,
        b"[]",
        b"null",
        {},
        hint(sys_id="INC0010001"),
        hint(sys_id=ID.upper()),
        hint(sys_id=f"{ID}\n"),
        hint(sys_id=[ID]),
        hint(sys_id=f"{ID}^NQactive=true"),
        hint(table=None),
        hint(sys_mod_count=None),
        hint(sys_mod_count=True),
        hint(sys_mod_count="7;8"),
        hint(sys_mod_count=-1),
        hint(sys_mod_count="٣"),
        hint(padding="x" * 5000),
    ],
)
async def test_an_unreadable_body_is_refused(desk: Any, body: Any) -> None:
    with pytest.raises(WebhookRefused) as refused:
        await desk.source(push_secret=SECRET).receive(webhook(body))
    assert refused.value.status == 400


async def test_only_post_is_taken(desk: Any) -> None:
    with pytest.raises(WebhookRefused) as refused:
        await desk.source(push_secret=SECRET).receive(webhook(hint(), method="GET"))
    assert refused.value.status == 405


async def test_a_closed_ticket_is_pushed_read_and_yielded_and_repeats_are_known(desk: Any) -> None:
    """Checklist 21."""
    source = desk.source(push_secret=SECRET)
    received: list[Hint] = []

    async def hook(request: httpx.Request) -> httpx.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        received.append(await source.receive(Webhook("POST", "", headers=headers, body=request.content)))
        return httpx.Response(200)

    async with httpx.AsyncClient(transport=httpx.MockTransport(hook)) as client:
        rule = BusinessRule(desk.instance, client, "https://survey.example/push/snow", SECRET)
        [ticket] = desk.resolved()
        await rule.deliver(times=2)
    assert [one.ticket_ids for one in received] == [(ticket,), (ticket,)]
    assert received[0].delivery_id == received[1].delivery_id
    fetched = await source.fetch(received[0].ticket_ids)
    assert [one.id for one in fetched.tickets] == [ticket]


def script() -> str:
    [found] = re.findall(r"```js\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    return found


def run(program: str) -> Any:
    done = subprocess.run(["node", "-"], input=program, capture_output=True, text=True, check=True, timeout=30)
    return json.loads(done.stdout)


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node to run the script")
async def test_the_script_of_the_readme_sends_what_is_taken(desk: Any) -> None:
    sent = run(FAKES % (SECRET, ID) + script())
    assert sent["headers"]["content-type"] == "application/json"
    request = Webhook(sent["method"], "", headers=sent["headers"], body=sent["body"].encode())
    assert await desk.source(push_secret=SECRET).receive(request) == Hint((ID,), f"{ID}:7")


def test_the_script_of_the_readme_sends_the_names_that_are_read() -> None:
    assert re.findall(r"^\s+(\w+): String\(", script(), re.MULTILINE) == list(hint())
    assert "'X-Hub-Secret'" in script()
    assert "executeAsync()" in script()
