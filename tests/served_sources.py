"""Sources elsewhere, on servers of this machine: what the contracts are run on."""

import hashlib
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from adbc_driver_postgresql import dbapi as postgresql

import google_emulator
import postgresql_server
import stoker
from amazon_server import bucket_of, s3_server, settings
from range_server import RangeServer, serving
from secure_server import certificate, trusting
from stoker.sources import Source
from written_sources import NUM_ROWS, columns_of, write_numbers, write_parquet


@dataclass
class Servers:
    """Servers of this machine, each begun when it is first asked for; they end with `stack`.

    Parameters
    ----------
    stack
        Of what must be ended.
    patch
        Sets the environment by which they are found.
    folder
        Of what they write.
    """

    stack: ExitStack
    patch: pytest.MonkeyPatch
    folder: Path
    contents: dict[str, tuple[Callable[[str, bytes], str], str, bytes]] = field(default_factory=dict)
    numbers: count = field(default_factory=count)

    def put(self, write: Callable[[str, bytes], str], path: Path) -> str:
        """Have a server give this file under a name of its own; gives its address."""
        name, content = f"{next(self.numbers)}/{path.name}", path.read_bytes()
        address = write(name, content)
        self.contents[address] = write, name, content
        return address

    def spoil(self, address: str) -> None:
        """Have another byte in the middle of what a server gives there."""
        write, name, content = self.contents[address]
        place = len(content) // 2
        write(name, content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])

    @cached_property
    def web(self) -> RangeServer:
        return self.stack.enter_context(serving(RangeServer()))

    @cached_property
    def secure_web(self) -> RangeServer:
        held, key = certificate(self.folder)
        self.stack.enter_context(trusting(held))
        return self.stack.enter_context(serving(RangeServer(certificate=(held, key))))

    @cached_property
    def amazon(self) -> Any:
        port = self.stack.enter_context(s3_server(self.folder / "s3.log"))
        for name, value in settings(port).items():
            if name.startswith("AWS_"):
                self.patch.setenv(name, value)
        return bucket_of(port)

    @cached_property
    def google(self) -> str:
        address = self.stack.enter_context(google_emulator.running(self.folder / "gs.log"))
        self.patch.setenv("STORAGE_EMULATOR_HOST", address)
        self.patch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
        return address

    @cached_property
    def postgresql(self) -> str:
        return self.stack.enter_context(postgresql_server.running())

    def put_on_web(self, name: str, content: bytes) -> str:
        return self.web.put(name, content, _tag(content))

    def put_on_secure_web(self, name: str, content: bytes) -> str:
        return self.secure_web.put(name, content, _tag(content))

    def put_on_amazon(self, name: str, content: bytes) -> str:
        with self.amazon.open_output_stream(f"bucket/{name}", compression=None) as file:
            file.write(content)
        return f"s3://bucket/{name}"

    def put_on_google(self, name: str, content: bytes) -> str:
        return google_emulator.write(self.google, name, content)


def _tag(content: bytes) -> str:
    return f'"{hashlib.sha256(content).hexdigest()}"'


Write = Callable[[Servers, str, bytes], str]


def csv_there(write: Write) -> Callable[[Path, Servers], Source]:
    """Of numbers."""

    def make(folder: Path, servers: Servers) -> Source:
        path = Path(write_numbers(folder).paths[0])
        address = servers.put(partial(write, servers), path)
        return stoker.open(address, label=("label", "pixel3"), sample_weight="pixel10")

    return make


def parquet_there(write: Write) -> Callable[[Path, Servers], Source]:
    """In two files."""

    def make(folder: Path, servers: Servers) -> Source:
        paths = map(Path, write_parquet(folder).paths)
        addresses = [servers.put(partial(write, servers), path) for path in paths]
        return stoker.open(addresses, label=["kind", "count"], sample_weight="weight")

    return make


def query_postgresql(folder: Path, servers: Servers) -> Source:
    table = columns_of(0, NUM_ROWS)
    table = table.set_column(table.schema.get_field_index("kind"), "kind", table["kind"].cast(pa.string()))
    table = table.append_column("words", pa.array([list(range(row % 5)) for row in range(NUM_ROWS)]))
    name = f"rows_{next(servers.numbers)}"
    with (
        postgresql.connect(servers.postgresql, autocommit=True) as connection,
        connection.cursor() as cursor,
    ):
        cursor.adbc_ingest(name, table.append_column("id", pa.array(range(NUM_ROWS))))
    return stoker.open(servers.postgresql, query=f"SELECT * FROM {name} ORDER BY id", label="kind")


SERVED: dict[str, Callable[[Path, Servers], Source]] = {
    "csv of numbers on the web": csv_there(Servers.put_on_web),
    "two parquet files on the web": parquet_there(Servers.put_on_web),
    "csv of numbers by https": csv_there(Servers.put_on_secure_web),
    "two parquet files by https": parquet_there(Servers.put_on_secure_web),
    "csv of numbers on S3": csv_there(Servers.put_on_amazon),
    "two parquet files on S3": parquet_there(Servers.put_on_amazon),
    "csv of numbers in a bucket of Google": csv_there(Servers.put_on_google),
    "two parquet files in a bucket of Google": parquet_there(Servers.put_on_google),
    "a query of PostgreSQL": query_postgresql,
}
