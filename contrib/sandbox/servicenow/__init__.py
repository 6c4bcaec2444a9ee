"""A ServiceNow instance that answers as the real one does, with its traps: Table, Aggregate, Batch and Import Set API.

instance = Instance(clock, "https://acme.service-now.com")
caller = instance.add_user("mia@example.com", "+43 660 1234567")
instance.resolve(instance.open_record("incident", caller, "Printer jams"))
transport = httpx.ASGITransport(build_app(instance))
"""

from __future__ import annotations

from sandbox.servicenow.app import build_app
from sandbox.servicenow.push import BusinessRule
from sandbox.servicenow.state import Instance

__all__ = ["BusinessRule", "Instance", "build_app"]
