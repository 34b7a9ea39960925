"""What `breakeven.report` promises."""
