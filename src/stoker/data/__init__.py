"""Data files that come with stoker; `stoker.datasets` reads them."""
