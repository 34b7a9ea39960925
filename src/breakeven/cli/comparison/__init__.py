"""One piece of work on several backends: run interleaved, checked for equal results, judged, shown.

Lives here: `bouts` (running), `verdicts` (judging), `terminal` and `page` (showing). Never here: the work itself.
"""
