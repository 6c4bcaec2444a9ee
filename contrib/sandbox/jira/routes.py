"""Which path answers what, on Cloud and on Data Center."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.jira import cloud, comments, dc, hooks, jsm, platform, properties
from sandbox.jira.wire import Routes

if TYPE_CHECKING:
    from sandbox.jira.state import JiraSite

API = "/rest/api/{version}"
ISSUE = f"{API}/issue/{{issue}}"
PORTAL = "/rest/servicedeskapi"
REQUEST = f"{PORTAL}/request/{{issue}}"

SHARED: Routes = [
    ("GET", f"{API}/serverInfo", platform.server_info),
    ("GET", f"{API}/myself", platform.myself),
    ("GET", f"{API}/field", platform.list_fields),
    ("GET", f"{API}/status", platform.list_statuses),
    ("GET", f"{API}/mypermissions", platform.my_permissions),
    ("GET", f"{API}/user", platform.get_user),
    ("GET", f"{API}/project/{{project}}", platform.get_project),
    ("GET", ISSUE, platform.get_issue),
    ("PUT", ISSUE, platform.edit_issue),
    ("GET", f"{ISSUE}/comment", comments.list_comments),
    ("POST", f"{ISSUE}/comment", comments.add_comment),
    ("GET", f"{ISSUE}/comment/{{comment}}", comments.get_comment),
    ("DELETE", f"{ISSUE}/comment/{{comment}}", comments.delete_comment),
    ("GET", f"{ISSUE}/properties", properties.list_keys),
    ("GET", f"{ISSUE}/properties/{{key}}", properties.get),
    ("PUT", f"{ISSUE}/properties/{{key}}", properties.put),
    ("DELETE", f"{ISSUE}/properties/{{key}}", properties.delete),
    ("POST", "/rest/webhooks/1.0/webhook", hooks.register_admin),
    ("GET", f"{PORTAL}/info", jsm.info),
    ("GET", f"{PORTAL}/servicedesk", jsm.list_desks),
    ("GET", f"{PORTAL}/servicedesk/{{desk}}", jsm.get_desk),
    ("GET", f"{PORTAL}/servicedesk/{{desk}}/requesttype", jsm.list_request_types),
    ("GET", f"{PORTAL}/servicedesk/{{desk}}/customer", jsm.list_customers),
    ("GET", f"{PORTAL}/organization", jsm.list_organizations),
    ("GET", f"{PORTAL}/servicedesk/{{desk}}/organization", jsm.list_organizations),
    ("GET", REQUEST, jsm.get_request),
    ("GET", f"{REQUEST}/status", jsm.list_statuses),
    ("GET", f"{REQUEST}/comment", jsm.list_comments),
    ("POST", f"{REQUEST}/comment", jsm.add_comment),
    ("GET", f"{REQUEST}/participant", jsm.list_participants),
    ("GET", f"{REQUEST}/sla", jsm.list_slas),
]

CLOUD: Routes = [
    ("GET POST", f"{API}/search", cloud.removed_search),
    ("GET", f"{API}/search/jql", cloud.search_get),
    ("POST", f"{API}/search/jql", cloud.search_post),
    ("POST", f"{API}/search/approximate-count", cloud.approximate_count),
    ("GET", f"{API}/project/search", cloud.search_projects),
    ("POST", f"{API}/issue/bulkfetch", cloud.bulk_fetch),
    ("POST", f"{API}/changelog/bulkfetch", cloud.bulk_changelog),
    ("GET", f"{ISSUE}/changelog", cloud.changelog),
    ("GET POST DELETE", f"{API}/webhook", hooks.dynamic),
    ("PUT", f"{API}/webhook/refresh", hooks.refresh),
    ("GET POST DELETE", f"{REQUEST}/feedback", jsm.feedback),
]

DATA_CENTER: Routes = [
    ("GET", f"{API}/search", dc.search_get),
    ("POST", f"{API}/search", dc.search_post),
    ("GET", f"{API}/project", dc.list_projects),
]


def routes(site: JiraSite) -> Routes:
    """All routes of a site. Paths with fixed words come before those with names."""
    if site.kind == "dc":
        return [*DATA_CENTER, *SHARED]
    accounts: Routes = [
        ("POST", "/oauth/token", site.auth.grant),
        ("GET", "/oauth/token/accessible-resources", site.auth.resources),
    ]
    return [*accounts, *CLOUD, *SHARED]
