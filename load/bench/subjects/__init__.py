"""What is measured, each as a program of its own: `python -m load.bench.subjects.NAME TASK`."""
