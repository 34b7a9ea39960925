"""From forecasts to a choice."""
