"""The admin page "How to send": settings to paste for each client, with this server's address."""
