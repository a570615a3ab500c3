"""What training costs, on made-up logs: against other libraries, waiting for data, padding, precision, large tables."""
