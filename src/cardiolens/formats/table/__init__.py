"""The contract of bare tables of numbers, and what Parquet needs to be read safely."""
