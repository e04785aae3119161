"""The demo: a year of real flights through two models, watched live. Needs the extra `demo`."""
