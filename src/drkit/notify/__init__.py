"""Telling people what has changed: what to tell (`changes`, `message`), what was told (`ledger`), and the way there."""
