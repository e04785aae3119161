"""Profiles in parts: what is kept of a pane's rows, and how columns of rows are added to it."""
