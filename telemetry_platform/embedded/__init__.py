"""PostgreSQL and Valkey from their Python packages, for who brings no servers of their own."""
