"""Measurements of kstore by itself: accuracy of the arms, latency of the whole process."""
