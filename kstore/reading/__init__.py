"""Reading: one small cross-encoder that says how well a passage answers a question, and where the answer stands."""
