"""Serial Numba loops over arrays that release the GIL; they validate nothing and import nothing of stoker."""
