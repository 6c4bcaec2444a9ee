"""What `hub check` proves about a Jira site, without changing anything on it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hub import AuthFailed, CheckResult, ConfigError, Rejected, RemoteError, Unexpected
from hub_jira import fields, jql
from hub_jira.client import JiraClient
from hub_jira.config import JiraConfig, Target
from hub_jira.customers import read_contacts
from hub_jira.mapping import SERVICE_DESK
from hub_jira.site import Site, no_project

BROWSE, EDIT, COMMENT = "BROWSE_PROJECTS", "EDIT_ISSUES", "ADD_COMMENTS"
NEEDED = {Target.PROPERTY: (BROWSE, EDIT), Target.COMMENT: (BROWSE, COMMENT), Target.FIELDS: (BROWSE, EDIT)}
"""The permissions that writing to each target needs."""

Finding = tuple[bool, str]
"""Whether all is well, and what was found or is to be done."""


@dataclass(frozen=True, slots=True)
class Project:
    """A project that tickets come from, or, with key None, all that the account sees."""

    key: str | None
    desk: bool
    granted: frozenset[str]
    """Keys of the permissions that the account has there."""


class Checker:
    """Goes through what the source will need, in the order in which it depends on each other."""

    def __init__(self, config: JiraConfig, client: JiraClient, hook_url: str) -> None:
        self._config = config
        self._client = client
        self._hook_url = hook_url

    async def run(self) -> list[CheckResult]:
        """One result for each thing. What cannot be looked at because an earlier thing fails is left out."""
        try:
            results = [CheckResult("Jira answers", ok=True, detail=await self._product())]
        except AuthFailed as error:  # Jira refuses wrong credentials even where it needs none
            return [CheckResult("account", ok=False, detail=str(error))]
        except RemoteError as error:
            return [CheckResult("Jira answers", ok=False, detail=str(error))]
        results.append(await _found("account", self._account))
        if not results[-1].ok:
            return results
        try:
            site = await self._client.site()
        except RemoteError as error:
            return [*results, CheckResult("site", ok=False, detail=str(error))]
        return results + await self._use(site)

    async def _use(self, site: Site) -> list[CheckResult]:
        """Whether the site has, and lets the account do, what the settings say."""
        projects: list[Project] = []
        results: list[CheckResult] = []
        results.append(await _found("projects", lambda: self._projects(site, projects)))
        results.append(await _found("closed tickets", lambda: self._tickets(site)))
        results += [CheckResult("custom fields", *self._fields(site))] if self._named_fields() else []
        results += [CheckResult("contacts file", *_contacts(path))] if (path := self._config.contacts_file) else []
        if any(project.desk for project in projects):
            results.append(CheckResult("Jira Service Management", *self._licence(site)))
        if projects:
            results += [
                CheckResult(f"write back: {target}", *self._target(target, site, projects))
                for target in dict.fromkeys(self._config.write_back)
            ]
        return [*results, CheckResult("webhook", ok=True, detail=self._webhook())]

    def _licence(self, site: Site) -> Finding:
        """Without a licence only internal comments fail; where none are wanted, that is a remark."""
        if site.agent_licence:
            return True, "the account is an agent"
        missing = "the account is no agent, so internal comments and response times are missing: give it a licence"
        return Target.COMMENT not in self._config.write_back, missing

    async def _product(self) -> str:
        info = await self._client.json("GET", "rest/api/2/serverInfo")
        if not isinstance(info, dict) or "deploymentType" not in info:
            raise Unexpected("this does not answer as Jira does: check 'url' and its path")
        product = "Jira Cloud" if info["deploymentType"] == "Cloud" else f"Jira Data Center {info.get('version', '')}"
        return product.strip()

    async def _account(self) -> Finding:
        me = await self._client.json("GET", "rest/api/2/myself")
        if not isinstance(me, dict):
            raise Unexpected("Jira does not say who the account is")
        return True, f"signed in as {me.get('displayName', '?')}, time zone {me.get('timeZone', '?')}"

    async def _projects(self, site: Site, projects: list[Project]) -> Finding:
        """Also fills `projects` with those that can be read."""
        if not self._config.projects:
            projects.append(Project(None, site.service_management, await self._granted(site, None)))
            return True, "all that the account sees; 'jql' chooses"
        missing = []
        for key in self._config.projects:
            if (found := await self._client.project(key)) is None:
                missing.append(key)
            else:
                projects.append(Project(key, found.type == SERVICE_DESK, await self._granted(site, key)))
        if missing:
            return False, no_project(missing)
        return True, ", ".join(self._config.projects)

    async def _granted(self, site: Site, key: str | None) -> frozenset[str]:
        params = {"projectKey": key} if key else {}
        if site.cloud:
            params["permissions"] = f"{BROWSE},{EDIT},{COMMENT}"
        answer = await self._client.json("GET", f"{site.api}/mypermissions", params=params)
        shown = answer.get("permissions") if isinstance(answer, dict) else None
        if not isinstance(shown, dict):
            raise Unexpected("Jira's list of permissions cannot be read")
        return frozenset(name for name, facts in shown.items() if _has(facts))

    async def _tickets(self, site: Site) -> Finding:
        try:
            number = await self._count(site, jql.all_of(jql.scope(self._config), jql.DONE))
        except Rejected as error:
            return False, f"{error}; correct 'projects' or 'jql'"
        if number == 0:
            return True, "none matches 'projects' and 'jql' yet; Jira takes words it does not understand for a search"
        return True, f"about {number} match 'projects' and 'jql'" if site.cloud else f"{number} match"

    async def _count(self, site: Site, query: str) -> int:
        if site.cloud:
            path = f"{site.api}/search/approximate-count"
            answer, name = await self._client.json("POST", path, json={"jql": query}), "count"
        else:
            params = {"jql": query, "maxResults": "0"}
            answer, name = await self._client.json("GET", f"{site.api}/search", params=params), "total"
        number = answer.get(name) if isinstance(answer, dict) else None
        if not isinstance(number, int):
            raise Unexpected("Jira's count of tickets cannot be read")
        return number

    def _fields(self, site: Site) -> Finding:
        wrong = fields.unusable(self._config.result_fields, site)
        wrong |= {name: "there is no such field" for name in self._named_fields() if name not in site.fields}
        if wrong:
            return False, "; ".join(f"{name}: {why}" for name, why in wrong.items())
        return True, f"{', '.join(self._named_fields())} can be used"

    def _named_fields(self) -> list[str]:
        config = self._config
        single = (config.team_field, config.service_field, config.organisation_field)
        named = [*config.contact_email_fields, *config.contact_phone_fields, *filter(None, single)]
        return list(dict.fromkeys([*named, *config.result_fields.values()]))

    def _target(self, target: Target, site: Site, projects: Sequence[Project]) -> Finding:
        lacking = {
            project.key or "all projects": [name for name in NEEDED[target] if name not in project.granted]
            for project in projects
        }
        problems = [f"{', '.join(names)} in {where}" for where, names in lacking.items() if names]
        if problems:
            return False, f"the account lacks {'; '.join(problems)}: change the permission scheme"
        desks = [project.key for project in projects if project.desk and project.key]
        if target is Target.COMMENT and desks and not site.agent_licence:
            return False, f"left out in {', '.join(desks)}: only agents can comment internally"
        return True, _where(target, self._config)

    def _webhook(self) -> str:
        if self._config.webhook_secret is None:
            return "none: closings are noticed at the next poll; set 'webhook_secret' to have Jira tell at once"
        return f"signed ones to {self._hook_url}, unsigned ones to {self._hook_url}/ followed by 'webhook_secret'"


async def _found(what: str, step: Callable[[], Awaitable[Finding]]) -> CheckResult:
    try:
        ok, detail = await step()
    except RemoteError as error:
        return CheckResult(what, ok=False, detail=str(error))
    return CheckResult(what, ok=ok, detail=detail)


def _contacts(path: Path) -> Finding:
    try:
        return True, f"{len(read_contacts(path))} accounts"
    except ConfigError as error:
        return False, str(error)


def _has(facts: Any) -> bool:
    return isinstance(facts, Mapping) and facts.get("havePermission") is True


def _where(target: Target, config: JiraConfig) -> str:
    match target:
        case Target.PROPERTY:
            return f"issue property {config.property_key}"
        case Target.COMMENT:
            return "a comment that customers do not see"
    return ", ".join(f"{name} in {field}" for name, field in config.result_fields.items())
