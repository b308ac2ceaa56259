"""The implicit memory: generators that answer from what training left in their weights."""
