"""Measures the hub against loops that make the same HTTP calls and nothing else: `python -m bench --help`."""
