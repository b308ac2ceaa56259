"""Freshness: documents are edited while questions are asked, and each answer is told new from old."""
