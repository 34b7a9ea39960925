"""The tests of breakeven. Folders mirror the rooms of the package; a test's name is a sentence that states a fact."""
