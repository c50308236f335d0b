"""Runs the stream harness so that its figures can be compared, and shows them: ../bench --help."""
