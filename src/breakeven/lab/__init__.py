"""Instruments that measure what parallel work costs on this machine. Imports nothing by itself."""
