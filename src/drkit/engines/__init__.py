"""One room a kind of source, both directions in it. Engines do not know each other."""
