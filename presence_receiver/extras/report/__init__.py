"""What came in, straight from the files: DuckDB reads and counts, the rest shows it as a table or a page."""
