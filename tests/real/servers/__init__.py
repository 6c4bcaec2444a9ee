"""Real servers for tests: unpacked from the system's packages, started on free loopback ports, ended with the tests."""
