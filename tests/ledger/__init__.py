"""What `breakeven.ledger` promises."""
