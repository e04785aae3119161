"""The soak: workers under half of what they carry, for an hour, with faults now and then, and nothing may grow.

`make soak MINUTES=60` runs it. In the order in which a run goes: `plan` (which faults, when), `site` (servers, workers,
the definition), `calibrate` (what they carry), `feed` (a process that sends, each event at its instant), `faults` (what
goes wrong), `sample` (memory, keys, open files, lag, every five seconds), `ears` (alerts as a subscriber gets them).
Then, without I/O: `trend` (slopes against limits), `latency` (from a produce call to an alert), `accounts` (counted =
sent), `verdict`; at last `chart` draws it all.
"""
