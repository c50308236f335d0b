// Nothing: a precompiled header needs a source (bytes_handoff_add_test_headers).
