"""Wire formats: bytes to records and errors, outcomes to bytes. No Django inside, so that they can be fuzzed."""
