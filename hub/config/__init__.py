"""hub.toml and the contacts file: read, judged as a whole, and explained to the admin."""
