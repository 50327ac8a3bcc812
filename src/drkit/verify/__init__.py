"""Drills: restores that are made to be measured and judged, and the evidence that they leave."""
