"""What is stored is compared with the facts, a few rows at a time, for as long as the service runs."""
