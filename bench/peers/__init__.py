"""The programs beside their peers."""
