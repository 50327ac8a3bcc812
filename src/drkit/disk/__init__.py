"""Folders of drkit's own, whatever is in them: opened step by step, removed in every case, swept after the dead."""
