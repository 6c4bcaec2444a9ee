"""Simulated Jira sites: Cloud with Service Management, and Data Center."""

from sandbox.jira.faults import Answer, Cut, Faults, Silence
from sandbox.jira.front import Recorded
from sandbox.jira.limits import Limits
from sandbox.jira.model import Comment, EmailShown, Field, Issue, Organization, Project, Status, User
from sandbox.jira.state import EMAIL, PAT, TOKEN, JiraSite
from sandbox.jira.webhooks import Delivery, Webhooks

__all__ = [
    "EMAIL", "PAT", "TOKEN", "Answer", "Comment", "Cut", "Delivery", "EmailShown", "Faults", "Field", "Issue",
    "JiraSite", "Limits", "Organization", "Project", "Recorded", "Silence", "Status", "User", "Webhooks",
]  # fmt: skip
