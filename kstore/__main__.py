"""``python -m kstore``: the command line."""

from kstore.cli import main

main()
