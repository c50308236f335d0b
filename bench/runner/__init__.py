"""Runs the stream harness so that its figures can be compared, and shows them: see ../bench --help."""
