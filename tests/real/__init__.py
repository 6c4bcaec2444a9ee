"""Tests against real servers, started on loopback by the fixtures in conftest.py. `make test-real` runs them."""
