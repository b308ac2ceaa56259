"""Latency and cost: how long an answer takes, alone and among others, cold and warm, and what it costs."""
