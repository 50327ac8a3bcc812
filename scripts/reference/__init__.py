"""docs/reference/: what drkit takes and ends with, written from the code itself. scripts/make-reference writes it."""
