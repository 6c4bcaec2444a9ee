"""The parts of the plugin API. Plugins import them from `hub`, never from here."""
