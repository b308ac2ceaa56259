"""Text to vectors: the encoder that both memories read questions with."""
