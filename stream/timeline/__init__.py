"""Event time: durations as people write them, panes that profiles are kept by, windows that are judged."""
