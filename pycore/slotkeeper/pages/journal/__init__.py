"""What the worker wrote, found by device, by request and by age.

Streams are read in order and by offset alone. The journal is a copy of the worker's outputs in a
SQLite file of the console's own, with indexes. It decides nothing, and is made anew from the
streams when it is missing, of another format, or of another store.
"""
