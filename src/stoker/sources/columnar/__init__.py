"""Tables whose values stand in columns: Parquet, Arrow files, and whatever hands out Arrow record batches.

Rows are decoded in *units* (a row group, a record batch), of which a reader keeps the last few pieces. A
row's "offset" is its number within its file, and a *segment* some thousand rows of one unit, whose checksum
is that of the used columns' values.
"""
