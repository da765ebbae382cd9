"""The admin's first page: is anything wrong, since when, and where to look next?"""
