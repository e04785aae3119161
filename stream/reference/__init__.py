"""References from files: reading Parquet and CSV, making grids, counting what the stream would have counted."""
