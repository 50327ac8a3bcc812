"""`python -m drkit`."""

from drkit.cli.app import main

main()
