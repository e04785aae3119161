"""`python -m load`: send a generated load to a Kafka that is already there."""

from load.generate.cli import run

if __name__ == "__main__":
    run()
