"""Git repositories: all refs and what they reach as a chain of bundles, and back."""

from drkit.engines.git.engine import GitEngine

__all__ = ["GitEngine"]
