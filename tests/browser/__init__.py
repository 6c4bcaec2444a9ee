"""The customers' pages in a real browser. `make test-browser` runs it; `SCREENSHOTS=folder` keeps what it saw."""
