"""Files as rows that can be addressed by row id, one file a format."""
