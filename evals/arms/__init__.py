"""The arms of an experiment: whatever answers a question can be compared."""
