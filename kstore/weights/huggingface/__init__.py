"""Models of the Hugging Face kind, by folder or hub name: from left to right, encoder-decoders, and masked ones."""
