"""The order of rows as arithmetic: OrderSpec to read requests."""
