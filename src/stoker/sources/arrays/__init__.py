"""Arrays on disk as tables, a row along the first axis: ``.npy``, ``.npz``, IDX (as MNIST has), HDF5."""
