"""The status page: pure functions of what the daemon knows and of now. It must not know HTTP."""

from drkit.daemon.page.document import describe_state
from drkit.daemon.page.page import POLICY, SCRIPT, Easel, draw

__all__ = ["POLICY", "SCRIPT", "Easel", "describe_state", "draw"]
