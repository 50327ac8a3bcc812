"""The last good state of a source after its data were ruined: a search over points or moments, by restoring them."""
