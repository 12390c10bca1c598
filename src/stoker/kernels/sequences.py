"""Lists of any length as rows of one length, as ``keras.utils.pad_sequences`` makes them.

Nothing is checked here: rows must lie inside, and the output must have the right shape.
"""

from __future__ import annotations

import numpy as np

from stoker.kernels.compiling import bare_kernel

__all__ = ["extents", "outside", "pad_numbers", "pad_sequences"]


@bare_kernel
def pad_sequences(bounds, values, take, pads_first, cuts_first, greatest, out):
    """Copy lists into rows, which are 0 elsewhere; numbers that are greater than `greatest` become 0, too.

    Parameters
    ----------
    bounds
        int64 of shape (lists + 1,): where each list begins in `values`.
    values
        int64 or float64.
    take
        int64 of shape (n,): which lists, in the order of the output.
    pads_first, cuts_first
        Whether zeros come first, and whether the first numbers of a long list are left out.
    greatest
        Of the type of `values`.
    out
        Of shape (n, length), C-contiguous; written.
    """
    length = out.shape[1]
    for row in range(take.shape[0]):
        begin, end = bounds[take[row]], bounds[take[row] + 1]
        used = min(end - begin, length)
        source = end - used if cuts_first else begin
        shift = length - used if pads_first else 0
        for place in range(length):
            out[row, place] = 0
        for place in range(used):
            number = values[source + place]
            out[row, shift + place] = number if number <= greatest else 0


@bare_kernel
def pad_numbers(bounds, values, take, pads_first, cuts_first, subtract, multiply, out):
    """Copy lists into rows, each number less `subtract` and times `multiply`; rows are 0 elsewhere.

    Parameters
    ----------
    bounds, values, take, pads_first, cuts_first
        As of `pad_sequences`.
    subtract, multiply
        float64.
    out
        float32 of shape (n, length), C-contiguous; written.

    Returns
    -------
    The first row of `out` with a number that is not finite in float32; -1 where there is none.
    """
    length, first = out.shape[1], np.int64(-1)
    for row in range(take.shape[0]):
        begin, end = bounds[take[row]], bounds[take[row] + 1]
        used = min(end - begin, length)
        source = end - used if cuts_first else begin
        shift = length - used if pads_first else 0
        beyond = 0
        for place in range(length):
            out[row, place] = 0
        for place in range(used):
            number = np.float32((np.float64(values[source + place]) - subtract) * multiply)
            out[row, shift + place] = number
            beyond += not np.isfinite(number)
        if beyond and first < 0:
            first = np.int64(row)
    return first


@bare_kernel
def outside(bounds, values, take, least, greatest):
    """The first of some lists with a number below `least` or above `greatest`.

    Parameters
    ----------
    bounds, values, take
        As of `pad_sequences`.
    least, greatest
        Of the type of `values`.

    Returns
    -------
    Its number within `take`, and the number found; -1 and 0 where there is none.
    """
    for row in range(take.shape[0]):
        for place in range(bounds[take[row]], bounds[take[row] + 1]):
            if values[place] < least or values[place] > greatest:
                return row, values[place]
    return np.int64(-1), values.dtype.type(0)


@bare_kernel
def extents(bounds, values, take):
    """Numbers of the longest of some lists, and the greatest number of all; 0 where there is none above.

    Parameters
    ----------
    bounds, values, take
        As of `pad_sequences`.
    """
    longest, greatest = np.int64(0), values.dtype.type(0)
    for row in range(take.shape[0]):
        begin, end = bounds[take[row]], bounds[take[row] + 1]
        longest = max(longest, end - begin)
        for place in range(begin, end):
            greatest = max(greatest, values[place])
    return longest, greatest
