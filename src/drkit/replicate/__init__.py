"""A replica becomes what the store is: ciphertext as it lies there, and a point is listed only once it is whole."""

from drkit.replicate.copying import Copied, copy
from drkit.replicate.plan import BackupCopy, CopyPlan, catch_up, find_held_back, plan_copy

__all__ = ["BackupCopy", "Copied", "CopyPlan", "catch_up", "copy", "find_held_back", "plan_copy"]
