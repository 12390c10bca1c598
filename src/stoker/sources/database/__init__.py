"""Rows of a query: PostgreSQL and SQLite through ADBC, DuckDB through its own Arrow interface.

A query is one statement, and so one snapshot; its rows come as a stream, with a cursor, in constant memory.
"""
