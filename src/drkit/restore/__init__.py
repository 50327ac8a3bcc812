"""Back from the store: first the plan, then the run."""
