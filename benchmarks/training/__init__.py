"""What training costs, on made-up logs."""
