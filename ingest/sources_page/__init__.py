"""The admin page "Sources": what arrived in the last hour by key and format, and why some of it was not stored."""
