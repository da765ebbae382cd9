"""Prometheus remote write 1.0 and 2.0. `make protocols` compiles the message classes from the .proto files."""
