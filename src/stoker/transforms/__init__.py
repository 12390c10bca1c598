"""Columns to arrays, fitted in mergeable passes."""
