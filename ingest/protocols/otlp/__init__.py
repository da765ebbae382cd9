"""OTLP/HTTP: spans, metric points and log records as OpenTelemetry's SDKs and its Collector send them.

Bytes -> `envelopes` (resource, scope, records still as bytes) -> one module a signal. JSON becomes protobuf first
(`json_mapping`), so both encodings mean the same.
"""
