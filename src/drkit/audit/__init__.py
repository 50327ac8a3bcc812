"""Whether what the store holds is what was put there: every object of every point read, and no identity needed."""

from drkit.audit.points import Audited, Damage, audit_points
from drkit.audit.share import EVERYTHING, Share, parse_share

__all__ = ["EVERYTHING", "Audited", "Damage", "Share", "audit_points", "parse_share"]
