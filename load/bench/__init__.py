"""CPU per event of the worker, of the limit it is compared with, and of what people would use instead: one run."""
