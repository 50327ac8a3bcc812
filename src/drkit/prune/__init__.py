"""What retention lets go leaves the store, and the signed record that says so stays."""

from drkit.prune.plan import PrunePlan, plan_prune, prune, read_references

__all__ = ["PrunePlan", "plan_prune", "prune", "read_references"]
