"""Text protos from files, with errors that name the line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from google.protobuf import text_format

from serving.server.errors import ServerStartError


def read_text_proto(path: Path, message_class: Any) -> Any:
    """The message in a text proto file.

    Raises:
        ServerStartError: The file can't be read, or isn't such a message.
    """
    name = message_class.DESCRIPTOR.name
    try:
        return text_format.Parse(path.read_text(encoding="utf-8"), message_class())
    except (OSError, UnicodeDecodeError) as error:
        raise ServerStartError(
            f"{path}: can't be read: {error}. Expected a {name} text proto."
        ) from None
    except text_format.ParseError as error:
        line = error.GetLine()
        place = f"{path}" if line is None else f"{path}, line {line}"
        # TensorFlow Serving's words.
        message = f"Error parsing text-format tensorflow.serving.{name}: {error}"
        raise ServerStartError(f"{place}: {message}") from None
