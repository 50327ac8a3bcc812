"""The daemon: it starts the command line's own commands when they are due, and shows how all stands."""
