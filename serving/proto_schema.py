"""Protobuf messages declared in Python, in a descriptor pool of their own.

For messages whose generated modules import TensorFlow, or that no package ships. All the wire and
the text format know of a message are its fields' names, numbers and types.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

# message -> field -> (number, type). A type is a scalar's name or a message's; [] repeats it; {}
# maps strings to it.
Schema = Mapping[str, Mapping[str, tuple[int, str]]]
_FieldProto = descriptor_pb2.FieldDescriptorProto


def message_classes(package: str, schema: Schema) -> dict[str, Any]:
    """The message classes of a schema, by name.

    Args:
        package: The messages' package; it only tells two schemas apart in errors.
        schema: The messages.
    """
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(_file(package, schema).SerializeToString())
    if hasattr(message_factory, "GetMessageClass"):  # protobuf 4.22 and later
        class_of = message_factory.GetMessageClass
    else:
        class_of = message_factory.MessageFactory(pool).GetPrototype
    classes: dict[str, Any] = {}
    for name in schema:
        classes[name] = class_of(pool.FindMessageTypeByName(f"{package}.{name}"))
    return classes


def _file(package: str, schema: Schema) -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(
        name=f"{package.replace('.', '/')}.proto", package=package, syntax="proto3"
    )
    for name, fields in schema.items():
        message = file.message_type.add(name=name)
        for field, (number, kind) in fields.items():
            _add_field(package, message, field, number, kind)
    return file


def _add_field(
    package: str, message: descriptor_pb2.DescriptorProto, name: str, number: int, kind: str
) -> None:
    if kind.startswith("{}"):
        entry = "".join(part.title() for part in name.split("_")) + "Entry"
        nested = message.nested_type.add(
            name=entry, options=descriptor_pb2.MessageOptions(map_entry=True)
        )
        _add_field(package, nested, "key", 1, "string")
        _add_field(package, nested, "value", 2, kind[2:])
        kind = f"[]{message.name}.{entry}"
    repeated = kind.startswith("[]")
    kind = kind.removeprefix("[]")
    field = message.field.add(name=name, number=number)
    field.label = _FieldProto.LABEL_REPEATED if repeated else _FieldProto.LABEL_OPTIONAL
    scalar = getattr(_FieldProto, f"TYPE_{kind.upper()}", None)
    field.type = _FieldProto.TYPE_MESSAGE if scalar is None else scalar
    if scalar is None:
        field.type_name = f".{package}.{kind}"
