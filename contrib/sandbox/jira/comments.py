"""Comments on the platform API."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from sandbox.jira import render
from sandbox.jira.documents import as_text, is_document
from sandbox.jira.model import Comment, Issue
from sandbox.jira.wire import Call, Problem, empty, reply


def list_comments(call: Call) -> Response:
    """`GET .../comment`: oldest first, or as `orderBy` says."""
    issue = call.issue()
    order = call.query.get("orderBy", "created")
    if order not in {"created", "+created", "-created"}:
        raise Problem(400, f"The value '{order}' is not supported for orderBy.")
    ordered = issue.comments[::-1] if order == "-created" else issue.comments
    start, limit = call.number("startAt", 0), min(call.number("maxResults", 100), 5000)
    shown = [_shown(call, issue, each) for each in ordered[start : start + limit]]
    return reply({"startAt": start, "maxResults": limit, "total": len(ordered), "comments": shown})


def get_comment(call: Call) -> Response:
    """`GET .../comment/{id}`."""
    issue = call.issue()
    return reply(_shown(call, issue, _find(call, issue)))


def delete_comment(call: Call) -> Response:
    """`DELETE .../comment/{id}`."""
    issue = call.issue()
    comment = _find(call, issue)
    if comment.author is not call.user and not call.caller.is_admin:
        raise Problem(400, "You do not have the permission to delete this comment.")
    issue.comments.remove(comment)
    call.site.touch(issue)
    return empty(204)


def add_comment(call: Call) -> Response:
    """`POST .../comment`: on a service desk public unless the property `sd.public.comment` says otherwise."""
    issue = call.issue()
    if not call.caller.can_comment:
        raise Problem(403, f"{call.caller.name}, you do not have the permission to comment on this issue.")
    if len(issue.comments) >= call.site.comment_limit:
        raise Problem(413, "The comment limit of this issue has been reached.")
    return reply(_shown(call, issue, from_body(call, issue, call.members())), 201)


def from_body(call: Call, issue: Issue, given: dict[str, Any]) -> Comment:
    """Add a comment as a request describes it.

    :raises Problem: the body has the wrong format for this version.
    """
    body = given.get("body")
    valid = is_document(body) if call.version == "3" else isinstance(body, str) and body.strip()
    if not valid:
        raise Problem(400, errors={"comment": "Comment body is not valid!"})
    text, document = (as_text(body), body) if isinstance(body, dict) else (str(body), None)
    properties = {each["key"]: each.get("value") for each in given.get("properties", [])}
    comment = call.site.comment(issue, call.caller, text, adf=document, properties=properties)
    comment.visibility = given.get("visibility")
    return comment


def _find(call: Call, issue: Issue) -> Comment:
    for comment in issue.comments:
        if comment.id == call.params["comment"]:
            return comment
    raise Problem(404, f"Can not find a comment for the id: {call.params['comment']}.")


def _shown(call: Call, issue: Issue, comment: Comment) -> render.Json:
    return render.comment(call, issue, comment, with_properties="properties" in call.many("expand"))
