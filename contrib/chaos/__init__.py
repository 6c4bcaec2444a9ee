"""Breaks everything around running hubs, at random but seeded, and counts from outside what was lost or done twice."""
