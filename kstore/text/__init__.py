"""Documents in, passages out: what a document is made of, and where documents come from."""
