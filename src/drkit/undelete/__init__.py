"""What somebody hid or overwrote in a store that keeps versions comes back."""

from drkit.undelete.plan import UndeletePlan
from drkit.undelete.run import look_for_hidden, undelete

__all__ = ["UndeletePlan", "look_for_hidden", "undelete"]
