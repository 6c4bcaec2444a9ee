"""Endpoints of Jira Service Management, which have paging, dates and errors of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from starlette.responses import Response

from sandbox.jira.model import Comment, EmailShown, Feedback, Issue, Project, RequestType, Status, User
from sandbox.jira.render import REQUEST_TYPE, Json
from sandbox.jira.times import portal_date
from sandbox.jira.wire import NO_ISSUE, Call, Problem, empty, reply, split

_T = TypeVar("_T")
LARGEST_PAGE = 50
EXPANDS = ["participant", "status", "sla", "requestType", "serviceDesk", "attachment", "action", "comment"]
FIRST_RESPONSE, RESOLUTION = timedelta(hours=4), timedelta(hours=24)


def info(call: Call) -> Response:
    """`GET /info`: for everybody who is signed in, agent or not."""
    built = portal_date(datetime.fromisoformat("2026-02-20T00:00:00+00:00"), call.caller.zone)
    return reply(
        {
            "version": "1001.0.0-SNAPSHOT",
            "platformVersion": "1001.0.0-SNAPSHOT",
            "buildDate": built,
            "buildChangeSet": "0a1b2c3d",
            "isLicensedForUse": True,
            "_links": {"self": f"{_root(call)}/info"},
        }
    )


def list_desks(call: Call) -> Response:
    """`GET /servicedesk`: 403 without a body for callers who are no agents."""
    if not call.caller.is_agent:
        return empty(403)
    desks = [project for project in call.site.projects.values() if project.desk_id]
    return _paged(call, desks, lambda project: _desk(call, project))


def get_desk(call: Call) -> Response:
    """`GET /servicedesk/{id}`, by the desk's id or its project's key."""
    for project in call.site.projects.values():
        if project.desk_id and call.caller.is_agent and call.params["desk"] in {project.desk_id, project.key}:
            return reply(_desk(call, project))
    raise Problem(404, "The service desk ID you have provided does not exist.")


def list_request_types(call: Call) -> Response:
    """`GET /servicedesk/{id}/requesttype`."""
    offered = [kind for kind in call.site.request_types if call.caller and kind.desk_id == call.params["desk"]]
    return _paged(call, offered, lambda kind: _request_type(call, kind))


def list_customers(call: Call) -> Response:
    """`GET /servicedesk/{id}/customer`: experimental, with a tight burst limit."""
    _needs_opt_in(call)
    if not call.caller.is_agent:
        raise Problem(403, "The user does not have permission to see customers.")
    if all(project.desk_id != call.params["desk"] for project in call.site.projects.values()):
        raise Problem(404, "The service desk ID you have provided does not exist.")
    words = call.query.get("query", "").lower()
    found = [user for user in call.site.users if user.account_type == "customer"]
    found = [user for user in found if words in user.name.lower() or words in user.email.lower()]
    return _paged(call, found, lambda user: _person(call, user))


def list_organizations(call: Call) -> Response:
    """`GET /organization`, of the site or of a desk."""
    if not call.caller.is_agent:
        return empty(403)
    return _paged(
        call,
        call.site.organizations,
        lambda each: {
            "id": each.id,
            "name": each.name,
            "_links": {"self": f"{_root(call)}/organization/{each.id}"},
        },
    )


def get_request(call: Call) -> Response:
    """`GET /request/{issueIdOrKey}`."""
    issue = _request(call)
    self_link = f"{_root(call)}/request/{issue.id}"
    desk_id = issue.project.desk_id
    document: Json = {
        "_expands": EXPANDS,
        "issueId": issue.id,
        "issueKey": issue.key,
        "requestTypeId": issue.request_type.id if issue.request_type else "",
        "serviceDeskId": desk_id,
        "createdDate": portal_date(issue.created, call.caller.zone),
        "reporter": _person(call, issue.reporter),
        "requestFieldValues": _field_values(call, issue),
        "currentStatus": _status(call, issue.status, _status_since(issue)),
        "_links": {
            "self": self_link,
            "jiraRest": f"{call.site.url}/rest/api/2/issue/{issue.id}",
            "web": f"{call.site.url}/servicedesk/customer/portal/{desk_id}/{issue.key}",
            "agent": f"{call.site.url}/browse/{issue.key}",
        },
    }
    for name in split(call.query.getlist("expand")):
        if name in _EXPANSIONS:
            member, expand = _EXPANSIONS[name]
            document[member] = expand(call, issue)
    return reply(document)


def list_statuses(call: Call) -> Response:
    """`GET /request/{issueIdOrKey}/status`: most recent first."""
    issue = _request(call)
    return _paged(call, _statuses(call, issue), lambda each: each)


def list_comments(call: Call) -> Response:
    """`GET /request/{issueIdOrKey}/comment`: what the caller may not see is left out without an error."""
    issue = _request(call)
    wanted = {
        is_public
        for is_public, name in ((True, "public"), (False, "internal"))
        if call.flag(name, default=True) and (is_public or call.caller.is_agent)
    }
    may_see = call.caller.is_agent or call.caller in {issue.reporter, *issue.participants}
    comments = [each for each in issue.comments if may_see and each.public in wanted]
    return _paged(call, comments, lambda each: _comment(call, issue, each))


def add_comment(call: Call) -> Response:
    """`POST /request/{issueIdOrKey}/comment`: plain text, and `public` must be given."""
    issue = _request(call)
    given = call.members("body", "public")
    body, public = given.get("body"), given.get("public")
    if not isinstance(body, str) or not body.strip():
        raise Problem(400, "The comment body must not be empty.")
    if not isinstance(public, bool):
        raise Problem(400, "The property 'public' must be specified.")
    if not public and not call.caller.is_agent:
        raise Problem(403, "You do not have permission to add internal comments.")
    if not call.caller.can_comment:
        raise Problem(403, "You do not have permission to comment on this request.")
    return reply(_comment(call, issue, call.site.comment(issue, call.caller, body, public=public)), 201)


def list_participants(call: Call) -> Response:
    """`GET /request/{issueIdOrKey}/participant`."""
    return _paged(call, _request(call).participants, lambda user: _person(call, user))


def list_slas(call: Call) -> Response:
    """`GET /request/{issueIdOrKey}/sla`: for agents."""
    issue = _request(call)
    if not call.caller.is_agent:
        raise Problem(403, "You do not have permission to view SLA information.")
    return _paged(call, _slas(call, issue), lambda each: each)


def feedback(call: Call) -> Response:
    """`/request/{requestIdOrKey}/feedback`: experimental; only the reporter may rate."""
    _needs_opt_in(call)
    issue = _request(call)
    if call.method == "GET":
        if issue.feedback is None:
            raise Problem(404, "The request has no feedback.")
        return reply(_feedback(issue.feedback))
    if call.caller is not issue.reporter:
        raise Problem(403, "Only the reporter of the request can leave feedback.")
    if call.method == "DELETE":
        issue.feedback = None
        return empty(204)
    given = call.members("type", "rating", "comment")
    rating = given.get("rating")
    if given.get("type") != "csat" or not isinstance(rating, int) or not 1 <= rating <= 5:
        raise Problem(400, "The rating must be between 1 and 5.")
    issue.feedback = Feedback(rating, given.get("comment", {}).get("body", ""))
    return reply(_feedback(issue.feedback), 201)


def _root(call: Call) -> str:
    return f"{call.site.url}/rest/servicedeskapi"


def _request(call: Call) -> Issue:
    issue = call.issue()
    if issue.request_type is None:
        raise Problem(404, NO_ISSUE)
    return issue


def _needs_opt_in(call: Call) -> None:
    opted = call.headers.get("x-experimentalapi", "").lower()
    if call.caller and opted not in {"opt-in", "true"}:
        raise Problem(
            412, "This API is experimental. Experimental APIs are not guaranteed to be stable; opt in to use it."
        )


def _paged(call: Call, rows: Sequence[_T], show: Callable[[_T], Json]) -> Response:
    start = call.number("start", 0)
    limit = min(call.number("limit", LARGEST_PAGE) or LARGEST_PAGE, LARGEST_PAGE)
    return reply(_page(call, rows, show, start, limit))


def _page(call: Call, rows: Sequence[_T], show: Callable[[_T], Json], start: int, limit: int) -> Json:
    values = [show(row) for row in rows[start : start + limit]]
    here = f"{call.site.url}{call.path}"
    links = {"base": call.site.url, "context": call.site.context_path, "self": here}
    is_last = start + len(values) >= len(rows)
    if not is_last:
        links["next"] = f"{here}?start={start + limit}&limit={limit}"
    return {
        "_expands": [],
        "size": len(values),
        "start": start,
        "limit": limit,
        "isLastPage": is_last,
        "_links": links,
        "values": values,
    }


def _person(call: Call, user: User) -> Json:
    cloud = call.site.kind == "cloud"
    shown: Json = {"accountId": user.account_id} if cloud else {"name": user.login, "key": user.login}
    if user.email and (user.email_shown is not EmailShown.NOWHERE or user is call.user):
        shown["emailAddress"] = user.email
    link = f"accountId={user.account_id}" if cloud else f"username={user.login}"
    links = {"jiraRest": f"{call.site.url}/rest/api/2/user?{link}"}
    return shown | {"displayName": user.name, "active": user.active, "timeZone": user.zone, "_links": links}


def _status(call: Call, status: Status, since: datetime) -> Json:
    date = portal_date(since, call.caller.zone)
    return {"status": status.name, "statusCategory": status.category.portal_key, "statusDate": date}


def _status_since(issue: Issue) -> datetime:
    for change in reversed(issue.history):
        if any(item.field == "status" for item in change.items):
            return change.at
    return issue.created


def _statuses(call: Call, issue: Issue) -> list[Json]:
    by_id = {status.id: status for status in call.site.statuses.values()}
    steps = [(change.at, item) for change in issue.history for item in change.items if item.field == "status"]
    first = by_id[steps[0][1].before or ""] if steps else issue.status
    seen = [(first, issue.created), *((by_id[item.after or ""], at) for at, item in steps)]
    return [_status(call, status, since) for status, since in reversed(seen)]


def _comment(call: Call, issue: Issue, shown: Comment) -> Json:
    return {
        "_expands": ["attachment", "renderedBody"],
        "id": shown.id,
        "body": shown.text,
        "public": shown.public,
        "author": _person(call, shown.author),
        "created": portal_date(shown.created, call.caller.zone),
        "_links": {"self": f"{_root(call)}/request/{issue.id}/comment/{shown.id}"},
    }


def _feedback(shown: Feedback) -> Json:
    comment = {"comment": {"body": shown.comment}} if shown.comment else {}
    return {"type": "csat", "rating": shown.rating, **comment}


def _field_values(call: Call, issue: Issue) -> list[Json]:
    values = [{"fieldId": "summary", "label": "Summary", "value": issue.summary}]
    for field_id, value in issue.custom.items():
        if field_id != REQUEST_TYPE and value is not None:
            values.append({"fieldId": field_id, "label": call.site.fields[field_id].name, "value": value})
    return values


def _slas(call: Call, issue: Issue) -> list[Json]:
    answered = next((each.created for each in issue.comments if each.author is not issue.reporter), None)
    goals = (
        ("Time to first response", FIRST_RESPONSE, answered),
        ("Time to resolution", RESOLUTION, issue.resolved_at),
    )
    return [_sla(call, issue, str(number), *goal) for number, goal in enumerate(goals, 1)]


def _sla(call: Call, issue: Issue, number: str, name: str, goal: timedelta, end: datetime | None) -> Json:
    zone = call.caller.zone
    elapsed = (end or call.site.now) - issue.created
    cycle: Json = {
        "startTime": portal_date(issue.created, zone),
        "breachTime": portal_date(issue.created + goal, zone),
        "breached": elapsed > goal,
        "goalDuration": _duration(goal),
        "elapsedTime": _duration(elapsed),
        "remainingTime": _duration(goal - elapsed),
    }
    document: Json = {
        "id": number,
        "name": name,
        "completedCycles": [cycle | {"stopTime": portal_date(end, zone)}] if end else [],
        "_links": {"self": f"{_root(call)}/request/{issue.id}/sla/{number}"},
    }
    return document if end else document | {"ongoingCycle": cycle | {"paused": False, "withinCalendarHours": True}}


def _duration(span: timedelta) -> Json:
    minutes = round(span.total_seconds() / 60)
    return {"millis": round(span.total_seconds() * 1000), "friendly": f"{minutes // 60}h {minutes % 60}m"}


def _request_type(call: Call, kind: RequestType | None) -> Json:
    if kind is None:
        return {}
    link = f"{_root(call)}/servicedesk/{kind.desk_id}/requesttype/{kind.id}"
    return {"id": kind.id, "name": kind.name, "serviceDeskId": kind.desk_id, "_links": {"self": link}}


def _desk(call: Call, project: Project) -> Json:
    shown = {"id": project.desk_id, "projectId": project.id, "projectName": project.name, "projectKey": project.key}
    return shown | {"_links": {"self": f"{_root(call)}/servicedesk/{project.desk_id}"}}


_EXPANSIONS: dict[str, tuple[str, Callable[[Call, Issue], Any]]] = {
    "participant": (
        "participants",
        lambda call, issue: _page(call, issue.participants, lambda user: _person(call, user), 0, LARGEST_PAGE),
    ),
    "status": ("status", lambda call, issue: _page(call, _statuses(call, issue), lambda each: each, 0, LARGEST_PAGE)),
    "sla": ("sla", lambda call, issue: _page(call, _slas(call, issue), lambda each: each, 0, LARGEST_PAGE)),
    "requestType": ("requestType", lambda call, issue: _request_type(call, issue.request_type)),
    "serviceDesk": ("serviceDesk", lambda call, issue: _desk(call, issue.project)),
}
