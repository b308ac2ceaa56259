"""The explicit memory: documents, passages and vectors with their revisions, and the search over them."""
