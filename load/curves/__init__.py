"""How cost grows: CPU, memory, Redis bytes, recovery and latency against models, features, segments, workers and so on.

`make curves` measures all of them in about a quarter of an hour, `ARGS="--only models,features"` some. Each curve is a
function that returns a table (`curve`), which is printed, written as JSON and drawn (`chart`). They are measured on
fleets of real workers, either on topics filled beforehand (`drained`) or live, paced by the clock (`live`).
"""
