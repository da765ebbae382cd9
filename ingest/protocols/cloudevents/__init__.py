"""CloudEvents 1.0 over HTTP: structured, batched and binary mode become the same events.

`wire` tells the modes apart, `headers` reads the binary one, `attributes` and `values` check what every CloudEvent must
be, `payload` and `mapping` make an event of it, `webhook` answers who asks whether it may send.
"""
