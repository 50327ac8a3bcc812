"""What retention lets go leaves the store, and the signed record that says so stays."""

from drkit.prune.chains import find_origins, keep_chains
from drkit.prune.plan import PrunePlan, plan_prune, prune, read_references, with_holdings
from drkit.prune.removing import Removed

__all__ = [
    "PrunePlan",
    "Removed",
    "find_origins",
    "keep_chains",
    "plan_prune",
    "prune",
    "read_references",
    "with_holdings",
]
