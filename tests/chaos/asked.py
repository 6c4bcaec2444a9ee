"""Two customers for the tests: one who answers, and one who does not."""

from __future__ import annotations

from chaos.people import SERVICE, SOLVED, Customer, Said

TOKEN = "abcdefghijklmnopqrst"
FOUR = Said("w1n0", SERVICE, "4 w1n0", 4, "w1n0")
YES = Said("w1n1", SOLVED, "kyllä, w1n1", 1, "w1n1")
ASKED = Customer(1, "jira", "+358401000001", (FOUR,), follow_ups={SOLVED: YES})
QUIET = Customer(2, "servicenow", "+358401000002", ())
