"""CPython's own tests of executors, run on ours; they are fetched, and never kept here."""
