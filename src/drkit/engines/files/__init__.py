"""Files: a tree as one tar stream and an index of every entry, and back."""

from drkit.engines.files.engine import FilesEngine

__all__ = ["FilesEngine"]
