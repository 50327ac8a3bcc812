"""Bytes on their way: iterators over iterators, each in a file of its own."""
