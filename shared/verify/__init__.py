"""The comparison of stored rows with the facts, a few rows at a time, while the service runs."""
