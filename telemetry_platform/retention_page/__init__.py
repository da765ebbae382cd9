"""The admin page "Storage and retention": what is on the disk, what goes next and when, and the purge by hand."""
