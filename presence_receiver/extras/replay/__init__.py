"""Judge rejected lines again, after a fix or with a newer version."""
