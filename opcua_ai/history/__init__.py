"""The history store: one SQLite file that one process writes and any process reads.

=============  ===================================================================
file           what it does
=============  ===================================================================
store.py       the file itself: tables, transactions, retention, one writer
recorder.py    the thread that writes, so that nobody else ever waits for the disk
reader.py      reading: rows in a range, neighbours of a time, events
raw.py         Part 11: raw values with bounds
aggregates.py  Part 13: bounding values and aggregates
table.py       rows on a grid, for training and export
=============  ===================================================================

Times are nanoseconds since 1970 UTC in whole microseconds, the resolution in which values travel
to clients: a value is found again under the timestamp with which it was shown.
"""
