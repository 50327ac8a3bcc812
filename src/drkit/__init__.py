"""drkit: backups that are proven by restoring them."""

__version__ = "0.1.0"
