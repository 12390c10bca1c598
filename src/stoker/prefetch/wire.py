"""Messages between a process and its children: a tuple of plain values, raw bytes behind it, descriptors.

A message is a header of two lengths, the tuple as a pickle, and the raw bytes. Both ends are stoker's own,
over a socket pair that nobody else holds.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence
from typing import Any, TypeAlias

import cloudpickle

__all__ = ["INLINE_BYTES", "Buffer", "Span", "at", "joined", "layout", "receive", "send"]

Buffer: TypeAlias = bytes | bytearray | memoryview
Span: TypeAlias = tuple[int, int]
"""Where a buffer begins and ends, in bytes."""

INLINE_BYTES = 1 << 16
"""Shorter contents travel in the message itself."""

_ALIGNMENT = 64
_NOT_INHERITED = getattr(socket, "MSG_CMSG_CLOEXEC", 0)
_HEADER = struct.Struct("!QQ")


def layout(buffers: Sequence[Buffer]) -> tuple[list[Span], int]:
    """Place buffers one behind the other, each aligned to 64 bytes: where they lie, and the bytes in all."""
    spans, end = [], 0
    for buffer in buffers:
        start = -(-end // _ALIGNMENT) * _ALIGNMENT
        end = start + memoryview(buffer).nbytes
        spans.append((start, end))
    return spans, end


def joined(buffers: Sequence[Buffer], spans: Sequence[Span]) -> bytearray:
    """One piece of memory with every buffer in its place."""
    body = bytearray(spans[-1][1] if spans else 0)
    for buffer, (start, end) in zip(buffers, spans, strict=True):
        body[start:end] = buffer
    return body


def at(memory: memoryview, spans: Sequence[Span]) -> list[memoryview]:
    """The parts of `memory` that `spans` says."""
    return [memory[start:end] for start, end in spans]


def send(
    connection: socket.socket, message: tuple[Any, ...], body: Buffer = b"", *, descriptor: int | None = None
) -> None:
    """Send a message, and with it the right to use a file descriptor."""
    head = cloudpickle.dumps(message)
    # What follows the end of a pickle is not read, and the body is aligned.
    padding = bytes(-len(head) % _ALIGNMENT)
    whole = b"".join((_HEADER.pack(len(head) + len(padding), len(body)), head, padding, body))
    if descriptor is not None:
        # A stream may take less than all; the descriptor goes with the first byte.
        whole = whole[socket.send_fds(connection, [whole], [descriptor]) :]
    if whole:  # to send nothing fails where the answer was the other end's last
        connection.sendall(whole)


def receive(connection: socket.socket) -> tuple[tuple[Any, ...], memoryview, list[int]]:
    """Wait for a message: the tuple, the raw bytes (writable), the descriptors that came.

    Raises
    ------
    EOFError
        If the other end is gone.
    """
    start, descriptors, _, _ = socket.recv_fds(connection, _HEADER.size, 1, _NOT_INHERITED)
    if not start:
        raise EOFError
    header = start + bytes(_receive_exactly(connection, _HEADER.size - len(start)))
    num_head, num_body = _HEADER.unpack(header)
    memory = _receive_exactly(connection, num_head + num_body)
    return cloudpickle.loads(memory[:num_head]), memory[num_head:], descriptors


def _receive_exactly(connection: socket.socket, size: int) -> memoryview:
    memory = memoryview(bytearray(size))
    done = 0
    while done < size:
        count = connection.recv_into(memory[done:])
        if not count:
            raise EOFError
        done += count
    return memory
