"""Arms: ways of answering one question from one memory or the other, with citations, age and timings."""
