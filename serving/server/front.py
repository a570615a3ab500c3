"""What the gRPC port and the REST port share."""

from __future__ import annotations

import dataclasses

from serving.server.event_loop import EventLoop
from serving.server.held_bytes import HeldBytes
from serving.server.workers import Workers
from serving.server_options import ServerOptions

_CONTROL_THREADS = 4
_CONTROL_WAITING = 64  # calls that wait for one of them


@dataclasses.dataclass(frozen=True)
class Front:
    """Where calls are taken, and who answers them.

    Attributes:
        loop: Where they are taken.
        workers: The threads on which models run.
        rest_workers: Those for requests over REST; the same, unless REST has some of its own.
        control: Those for status, metadata, metrics and reloads, which must be answered while
            models are busy.
        held: Counts the messages that are received, wait or are answered.
    """

    loop: EventLoop
    workers: Workers
    rest_workers: Workers
    control: Workers
    held: HeldBytes

    @classmethod
    def make(cls, options: ServerOptions) -> Front:
        """A front whose loop isn't started yet."""
        network = options.network
        waiting = network.max_waiting_requests
        workers = Workers("predict", network.grpc_max_threads, waiting)
        rest_workers = workers
        if network.rest_api_num_threads:
            rest_workers = Workers("rest", network.rest_api_num_threads, waiting)
        return cls(
            loop=EventLoop(),
            workers=workers,
            rest_workers=rest_workers,
            control=Workers("control", _CONTROL_THREADS, _CONTROL_WAITING),
            held=HeldBytes(options.limits.max_bytes_held),
        )

    def close(self) -> None:
        """Ends the loop, and takes no more; what runs on a thread is not waited for."""
        self.loop.stop()
        self.workers.close()
        self.rest_workers.close()
        self.control.close()
