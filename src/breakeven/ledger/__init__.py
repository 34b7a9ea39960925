"""Where every second went.

What lives here: the record one call leaves behind, what follows from it by arithmetic, and the file it is kept in.
Never here: how any of it looks (that is `report`), and nothing is imported, so that the recorder stays cheap to load.
"""
