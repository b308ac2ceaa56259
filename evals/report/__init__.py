"""A run's report, made from its files alone: a page that stands by itself, and a summary in Markdown."""
