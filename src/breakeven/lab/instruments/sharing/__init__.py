"""What it costs to add one to a number that several processes share, and what is lost without a lock."""
