"""A table arrives with its types, and a slice of one without the rest."""

import pyarrow as pa

from facewire_server.batch.row import WORK_SCHEMA
from facewire_server.batch.source import ITEMS
from facewire_server.batch.stream import decode, encode


def test_types_arrive_though_all_values_are_null() -> None:
    for schema in (WORK_SCHEMA, ITEMS):
        nulls = [pa.nulls(2, field.type) for field in schema]
        table = pa.Table.from_arrays(nulls, schema=schema)
        assert decode(encode(table)).equals(table, check_metadata=True)


def test_a_slice_comes_without_the_rest_of_its_table() -> None:
    table = pa.table({"place": [b"x" * 1000] * 1000})
    few = table.slice(500, 2)
    data = encode(few)
    assert len(data) < 4000
    assert decode(data).equals(few)
