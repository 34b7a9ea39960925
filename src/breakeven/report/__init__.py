"""Ledger → terminal table, HTML page, Perfetto trace.

What lives here: how a ledger looks and what it comes to in words. Never here: a measurement, or anything that a run
needs; this room is imported when a user asks for a report, not before.

>>> from breakeven.report import Report, load_report
"""

from breakeven.report.report import Report, load_report

__all__ = ["Report", "load_report"]
