"""What came in, straight from the files, by DuckDB."""
