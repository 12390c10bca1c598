"""Rows that another library holds: frames, Arrow tables and streams, data sets of several libraries."""
