"""Tables as bytes: no library on their way between two processes may change their types."""

import pyarrow as pa


def encode(table: pa.Table) -> bytes:
    """Return a table as an Arrow stream; of a slice, what is in it alone."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def decode(data: bytes) -> pa.Table:
    """Return the table that `encode` made."""
    return pa.ipc.open_stream(data).read_all()
