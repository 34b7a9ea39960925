"""Sample, profile and options → plan. Imports nothing by itself."""
