"""Training of the two models that retrieval runs on: token vectors and the reader."""
