"""Jira's REST API over the client that the hub lends."""

from __future__ import annotations

import base64
import contextlib
import re
from collections.abc import Awaitable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from hub import AccessTokens, AuthFailed, Context, Grant, Unexpected
from hub_jira import answers, site
from hub_jira.config import JiraConfig
from hub_jira.site import Project, Site

Params = Mapping[str, str] | Sequence[tuple[str, str]]

HEADERS = {
    "Accept": "application/json",
    "Accept-Language": "en",  # otherwise errors come in the language of the account
    "X-Force-Accept-Language": "true",
}
SITE_KEPT = timedelta(days=1)
STATUSES_KEPT = timedelta(hours=1)
STATUSES_AT_MOST = timedelta(minutes=1)
"""How often the list of statuses is read when tickets have some that are not in it."""

_IDENTITY = re.compile(
    r"/(?:(?<=/project/)[^/]+|(?<=/properties/)[^/]+|[0-9]+(?=/|$)|[A-Za-z][A-Za-z0-9_]*-[0-9]+(?=/|$))"
)
"""A part of a path that is an id or a key."""


class JiraClient:
    """Signs in, sends one request at a time, and explains refusals. Keeps what it learns of the site."""

    def __init__(self, config: JiraConfig, context: Context) -> None:
        self._config = config
        self._context = context
        self._tokens = _access_tokens(config, context)
        self._authorization = "" if self._tokens else _fixed_authorization(config)
        self._found_root = ""
        self._site: Site | None = None
        self._site_until = context.clock.now()
        self._projects: tuple[Site, frozenset[str]] | None = None
        self._statuses: dict[str, str] = {}
        self._statuses_read: datetime | None = None
        self._ahead: timedelta | None = None
        self._date = ""

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Params | None = None,
        json: Any = None,
        content: bytes | None = None,
        issue: str | None = None,
        once: bool = False,
        accept: Collection[int] = (),
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Send a request; the answer has a status of success, or one that `accept` names.

        An answer to somebody whom Jira did not recognise is an error whatever its status. `accept` may name 401: that
        lets through what the scopes of the token do not cover.

        :param path: below the root of the site, such as "rest/api/3/myself".
        :param content: a body that is JSON already.
        :param issue: the issue that this writes to: Jira limits writes to one issue.
        :param once: must not be carried out twice.
        :param accept: statuses of `answers.REFUSALS` that are an answer too.
        :raises RemoteError: `Rejected` has the status in its reason, such as "http_404".
        """
        lanes = {"jira-burst-based": f"{method} {endpoint(path)}"}
        if issue is not None:
            lanes["jira-per-issue-on-write"] = f"issue {issue}"
        if content is not None:
            headers = {"Content-Type": "application/json", **(headers or {})}
        url = f"{await self._root()}/{path}"
        response = await self._signed_in(
            method, url, headers, params=params, json=json, content=content, once=once, lanes=lanes
        )
        accepted = response.is_success or response.status_code in accept
        if accepted and not answers.credentials_refused(response):
            return response
        reads = method == "GET" or (method == "POST" and not once)
        problem = answers.refusal(response, asked=_asked(params, json) if reads else None)
        if isinstance(problem, AuthFailed):
            self._site = None
        raise problem

    async def json(
        self, method: str, path: str, *, params: Params | None = None, json: Any = None, **options: Any
    ) -> Any:
        """The JSON value that a request is answered with. Takes what `request` takes.

        :raises Unexpected: the answer is not JSON that can be read.
        """
        response = await self.request(method, path, params=params, json=json, **options)
        self._note_time(response)
        return answers.value(response)

    async def site(self) -> Site:
        """What the site is. Found out once a day, and again after the account was refused something."""
        now = self._context.clock.now()
        if self._site is None or now >= self._site_until:
            self._site = await site.detect(self.json, self._may_read)
            self._site_until = now + SITE_KEPT
        return self._site

    async def project_ids(self) -> frozenset[str]:
        """Ids of the projects that the settings name by their keys; found out as often as the site.

        :raises Unexpected: one of them is not there.
        """
        found = await self.site()
        if self._projects is None or self._projects[0] is not found:
            projects = {key: await self.project(key) for key in self._config.projects}
            missing = [key for key, project in projects.items() if project is None]
            if missing:
                raise Unexpected(site.no_project(missing))
            self._projects = found, frozenset(project.id for project in projects.values() if project)
        return self._projects[1]

    async def project(self, key: str) -> Project | None:
        """The project with a key, also with one that it had before; None when the account sees none."""
        path = f"{(await self.site()).api}/project/{key.upper()}"
        response = await self.request("GET", path, accept=(404,))
        if response.status_code == 404 and answers.is_jiras(response):
            return None
        if response.status_code == 404:
            raise answers.refusal(response, asked=None)
        return site.project(answers.value(response))

    async def status_categories(self, shown: Mapping[str, str], needed: Iterable[str] = ()) -> Mapping[str, str]:
        """The category key ("new", "indeterminate", "done") of each status by its id. Deleted ones stay known.

        The list is read once an hour, and sooner when it lacks a status.

        :param shown: categories that tickets have told of themselves.
        :param needed: ids of statuses that ought to be there.
        """
        now, last = self._context.clock.now(), self._statuses_read
        self._statuses |= shown
        lacking = not self._statuses.keys() >= set(needed)
        if last is None or now - last >= (STATUSES_AT_MOST if lacking else STATUSES_KEPT):
            self._statuses |= await site.status_categories(self.json, (await self.site()).api)
            self._statuses_read = now
        return self._statuses

    def forget_time(self) -> None:
        """Learn the site's time anew from its next answer: the hub's own clock may have been set meanwhile."""
        self._ahead = None

    def now(self) -> datetime:
        """The time on the hub's clock."""
        return self._context.clock.now()

    async def server_now(self) -> datetime:
        """The time on the site's clock, to the second, never ahead of it.

        :raises Unexpected: the site tells no time.
        """
        if self._ahead is None:
            self._note_server_time(await self.json("GET", "rest/api/2/serverInfo"))
        if self._ahead is None:
            raise Unexpected("Jira's answers carry no time: a proxy may have removed the Date header")
        return self._context.clock.now() + self._ahead

    async def _may_read(self, path: str, *, params: Mapping[str, str] | None = None) -> bool:
        # without an agent licence 403; 404 where Service Management is not installed; 401 for a scope that is lacking
        response = await self.request("GET", path, params=params, accept=(401, 403, 404))
        return response.is_success

    async def _root(self) -> str:
        """What all paths are below."""
        if not self._found_root:
            cloud_id = self._config.cloud_id or (await self._find_cloud_id() if self._tokens else None)
            through = f"{str(self._config.api_url).rstrip('/')}/ex/jira/{cloud_id}"
            self._found_root = through if cloud_id else self._config.root
        return self._found_root

    async def _find_cloud_id(self) -> str:
        url = f"{str(self._config.api_url).rstrip('/')}/oauth/token/accessible-resources"
        response = await self._signed_in("GET", url)
        if not response.is_success:
            raise answers.refusal(response, asked=None)
        sites = answers.value(response)
        for each in sites if isinstance(sites, list) else ():
            match each:
                case {"id": str(cloud_id), "url": str(url)} if url.rstrip("/").lower() == self._config.root.lower():
                    return cloud_id
        raise AuthFailed("the OAuth authorisation does not cover this site: authorise the app for the site in url")

    async def _signed_in(
        self, method: str, url: str, headers: Mapping[str, str] | None = None, **what: Any
    ) -> httpx.Response:
        def send(authorization: str) -> Awaitable[httpx.Response]:
            sent = {**HEADERS, "Authorization": authorization, **(headers or {})}
            return self._context.http.request(method, url, headers=sent, accept=answers.REFUSALS, **what)

        if self._tokens is None:
            return await send(self._authorization)
        token = await self._tokens.get()
        response = await send(f"Bearer {token}")
        # nothing was carried out, so that this is safe for every request; a scope that is lacking stays lacking
        if response.status_code == 401 and not answers.lacks_scope(response):
            response = await send(f"Bearer {await self._tokens.renew(token)}")
        return response

    def _note_time(self, response: httpx.Response) -> None:
        date = response.headers.get("date", "")
        if date == self._date and self._ahead is not None:
            return  # many answers come in one second, and the first one was nearest to its beginning
        self._date = date
        with contextlib.suppress(ValueError, TypeError, IndexError, OverflowError):
            moment = parsedate_to_datetime(date)
            self._ahead = moment.astimezone(UTC) - self._context.clock.now()

    def _note_server_time(self, info: Any) -> None:
        if self._ahead is None and isinstance(info, dict):
            with contextlib.suppress(ValueError, TypeError):
                moment = datetime.fromisoformat(info["serverTime"])
                self._ahead = moment.astimezone(UTC) - self._context.clock.now()


def endpoint(path: str) -> str:
    """A path without ids and keys: what Jira limits bursts by."""
    return _IDENTITY.sub("/{}", path)


def _access_tokens(config: JiraConfig, context: Context) -> AccessTokens | None:
    app = config.oauth
    if app is None:
        return None
    grant = Grant(
        kind="refresh_token",
        client_id=app.client_id,
        client_secret=app.client_secret,
        refresh_token=app.refresh_token,
        as_json=True,
    )
    return AccessTokens(context, f"{str(config.auth_url).rstrip('/')}/oauth/token", grant)


def _fixed_authorization(config: JiraConfig) -> str:
    if config.token is not None:
        return f"Bearer {config.token.get_secret_value()}"
    name, secret = (config.email, config.api_token) if config.api_token else (config.username, config.password)
    assert secret is not None
    return f"Basic {base64.b64encode(f'{name}:{secret.get_secret_value()}'.encode()).decode()}"


def _asked(params: Params | None, json: Any) -> str:
    """The JQL of a request: the hub's own words, which an error may quote."""
    return str(json.get("jql", "")) if isinstance(json, dict) else str(dict(params or {}).get("jql", ""))
