"""What arrives, by key and format: gathered in memory, added up in small tables, shown on the page "Sources"."""
