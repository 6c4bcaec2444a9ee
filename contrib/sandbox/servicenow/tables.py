"""The tables that a fresh instance has."""

from __future__ import annotations

from dataclasses import replace

from sandbox.servicenow.schema import Column, Kind, Table

SYSTEM = (
    Column("sys_id", Kind.GUID, read_only=True, max_length=32),
    Column("sys_created_on", Kind.DATE_TIME, read_only=True),
    Column("sys_created_by", read_only=True),
    Column("sys_updated_on", Kind.DATE_TIME, read_only=True),
    Column("sys_updated_by", read_only=True),
    Column("sys_mod_count", Kind.INTEGER, read_only=True),
)

EXPERIENCE = (
    Column("u_csat", Kind.INTEGER),
    Column("u_nps", Kind.INTEGER),
    Column("u_ces", Kind.INTEGER),
    Column("u_xm_comment", max_length=4000),
    Column("u_xm_response_id", max_length=100),
)
"""Own columns for answers, on every task."""


def table(name: str, *columns: Column, parent: str = "", display: str = "sys_id", prefix: str = "") -> Table:
    """A table with its system columns, which only a table without a parent brings itself."""
    own = columns if parent else (*SYSTEM, *columns)
    return Table(name, parent, display, prefix, {column.name: column for column in own})


def text(name: str, length: int = 40) -> Column:
    """A column of text."""
    return Column(name, max_length=length)


def date(name: str) -> Column:
    """A column with date and time."""
    return Column(name, Kind.DATE_TIME)


def flag(name: str) -> Column:
    """A column that is true or false."""
    return Column(name, Kind.BOOLEAN)


def number(name: str, *, choice: bool = False) -> Column:
    """A column of whole numbers, perhaps with labels in sys_choice."""
    return Column(name, Kind.INTEGER, choice=choice)


def choice(name: str) -> Column:
    """A column of text with labels in sys_choice."""
    return Column(name, choice=True)


def reference(name: str, to: str) -> Column:
    """A column that points into another table."""
    return Column(name, Kind.REFERENCE, to, max_length=32)


def journal(name: str) -> Column:
    """A column that each write appends to and that reads empty."""
    return Column(name, Kind.JOURNAL, max_length=4000)


_RESOLUTION = (date("resolved_at"), reference("resolved_by", "sys_user"), number("reopen_count"))

_TASK = table(
    "task",
    text("number"),
    text("sys_class_name", 80),
    text("short_description", 160),
    text("description", 4000),
    number("state", choice=True),
    flag("active"),
    number("priority", choice=True),
    number("impact", choice=True),
    number("urgency", choice=True),
    choice("contact_type"),
    reference("assignment_group", "sys_user_group"),
    reference("assigned_to", "sys_user"),
    number("reassignment_count"),
    reference("opened_by", "sys_user"),
    reference("closed_by", "sys_user"),
    reference("company", "core_company"),
    reference("business_service", "cmdb_ci_service"),
    date("opened_at"),
    date("closed_at"),
    text("close_notes", 4000),
    journal("comments"),
    journal("work_notes"),
    *EXPERIENCE,
    display="number",
)
_INCIDENT = table(
    "incident",
    reference("caller_id", "sys_user"),
    choice("category"),
    choice("subcategory"),
    number("incident_state", choice=True),
    choice("close_code"),
    *_RESOLUTION,
    parent="task",
    display="number",
    prefix="INC",
)
_ITEM = table(
    "sc_req_item",
    reference("request", "sc_request"),
    reference("requested_for", "sys_user"),
    number("quantity"),
    choice("stage"),
    parent="task",
    display="number",
    prefix="RITM",
)
_CASE = table(
    "sn_customerservice_case",
    reference("contact", "customer_contact"),
    reference("consumer", "csm_consumer"),
    reference("account", "core_company"),
    choice("category"),
    choice("resolution_code"),
    *_RESOLUTION,
    parent="task",
    display="number",
    prefix="CS",
)
_REQUESTS = table(
    "sc_request",
    reference("requested_for", "sys_user"),
    text("request_state"),
    parent="task",
    display="number",
    prefix="REQ",
)

_PEOPLE = (
    table("core_company", text("name", 80), text("phone"), display="name"),
    table("sys_user_group", text("name", 80), text("email", 100), flag("active"), display="name"),
    table("cmdb_ci_service", text("name", 255), text("sys_class_name", 80), display="name"),
    table(
        "sys_user",
        text("sys_class_name", 80),
        text("user_name"),
        text("first_name"),
        text("last_name"),
        text("name", 151),
        text("email", 100),
        text("mobile_phone"),
        text("phone"),
        text("preferred_language", 3),
        text("time_zone"),
        flag("active"),
        flag("vip"),
        reference("company", "core_company"),
        display="name",
    ),
    table("customer_contact", reference("account", "core_company"), parent="sys_user", display="name"),
    table("csm_consumer", text("name", 151), text("email", 100), text("mobile_phone"), display="name"),
)

_SYSTEM = (
    table(
        "sys_choice",
        text("name", 80),
        text("element", 80),
        text("value"),
        text("label", 255),
        text("language", 3),
        number("sequence"),
        flag("inactive"),
        display="label",
    ),
    table(
        "sys_dictionary",
        text("name", 80),
        text("element", 80),
        text("internal_type"),
        text("reference", 80),
        number("max_length"),
        flag("active"),
        flag("read_only"),
        flag("unique"),
        display="element",
    ),
    table(
        "sys_db_object",
        text("name", 80),
        text("label", 80),
        reference("super_class", "sys_db_object"),
        display="label",
    ),
    table("sys_journal_field", text("name", 80), text("element", 80), text("element_id", 32), text("value", 4000)),
)

_ANSWERS = (number("u_csat"), number("u_nps"), number("u_ces"), text("u_xm_comment", 4000))
_EXPERIENCE = table(
    "u_experience",
    reference("u_task", "task"),
    *_ANSWERS,
    Column("u_xm_response_id", max_length=100, unique=True),
)
_STAGING = table(
    "u_imp_experience",
    text("u_task", 100),
    text("u_csat"),
    text("u_nps"),
    text("u_xm_comment", 4000),
    text("u_xm_response_id", 100),
    text("sys_import_state"),
    text("sys_target_sys_id", 32),
)


def base_tables() -> list[Table]:
    """The tables of a new instance, which may change them."""
    tasks = (_TASK, _INCIDENT, _ITEM, _CASE, _REQUESTS)
    tables = (*_PEOPLE, *tasks, *_SYSTEM, _EXPERIENCE, _STAGING)
    return [replace(one, columns=dict(one.columns)) for one in tables]
