"""The monthly report: what was promised, what was shown, and what was not. Made from listings and evidence alone."""
