"""The subscriber: a process that prints each alert its AlertStream hands out as one line of JSON.

Run as `python subscriber.py BOOTSTRAP PREFIX`; ends when it is killed.
"""

import sys

from tidegauge import AlertStream, encode

_, bootstrap, prefix = sys.argv
for alert in AlertStream(bootstrap, group=f"{prefix}pager", prefix=prefix, start="earliest"):
    sys.stdout.write(encode(alert).decode() + "\n")
    sys.stdout.flush()
