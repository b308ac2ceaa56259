"""The HTTP service: thin routes over kstore.KStore."""
