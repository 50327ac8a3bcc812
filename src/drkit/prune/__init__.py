"""What retention lets go leaves the store, and the signed record that says so stays."""

from drkit.prune.plan import PrunePlan, plan_prune, prune, read_references
from drkit.prune.removing import Removed, Remover

__all__ = ["PrunePlan", "Removed", "Remover", "plan_prune", "prune", "read_references"]
