"""Findings as tables, figures and pages.

Lives here: what a reader sees. Never here: a measurement.
"""
