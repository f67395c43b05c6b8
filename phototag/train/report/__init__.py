"""Figures and findings in, pages of HTML out that need nothing but themselves: no script, no remote resource."""
