"""Processes that are measured: forked ones, and whole programs watched from outside, none of which stays behind.

Lives here: starting, watching and ending them. Never here: what they do.
"""
