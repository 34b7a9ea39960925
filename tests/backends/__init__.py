"""Every backend held against the public suite."""
