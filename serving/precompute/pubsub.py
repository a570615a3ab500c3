"""Events from a Pub/Sub subscription, which is checked before the job starts."""

from __future__ import annotations

import apache_beam as beam

from serving.errors import ServingError

# Beam leaves reading Pub/Sub to the runner; these can. None is Beam's default, the DirectRunner.
_RUNNERS = (None, "directrunner", "bundlebaseddirectrunner", "dataflowrunner")
_FORM = "projects/PROJECT/subscriptions/NAME"
_TIMEOUT_SECONDS = 30.0


def subscribed_events(subscription: str, runner: str | None) -> beam.PTransform:
    """From a pipeline's root to messages.

    Args:
        subscription: By its whole name, projects/PROJECT/subscriptions/NAME.
        runner: As Beam's --runner has it.

    Raises:
        ServingError: The runner can't read Pub/Sub, or there is no such subscription.
    """
    if runner is not None and _class_name(runner) not in _RUNNERS:
        raise ServingError(
            "--subscription: of Beam's runners only DirectRunner and DataflowRunner read Pub/Sub "
            f"from Python. Received: --runner={runner}"
        )
    _check(subscription)
    return beam.io.ReadFromPubSub(subscription=subscription)


def _class_name(runner: str) -> str:
    """Of `direct`, `DirectRunner` and `apache_beam.runners.DirectRunner` alike."""
    name = runner.rpartition(".")[2].lower()
    return name if name.endswith("runner") else f"{name}runner"


def _check(subscription: str) -> None:
    try:
        from google.api_core import exceptions
        from google.auth.exceptions import DefaultCredentialsError
        from google.cloud.pubsub_v1 import SubscriberClient
    except ImportError as error:
        raise ServingError(
            f"--subscription needs the Python package {error.name}, which isn't installed here: "
            "pip install 'srp4ctr[gcs]'"
        ) from error
    try:
        with SubscriberClient() as client:
            client.get_subscription(subscription=subscription, timeout=_TIMEOUT_SECONDS)
    except exceptions.PermissionDenied:
        pass  # who may read a subscription may not be allowed to look at it
    except exceptions.NotFound:
        raise ServingError(
            f"--subscription: there is no {subscription}. Create it, or mend its name."
        ) from None
    except exceptions.InvalidArgument:
        raise ServingError(f"--subscription must be {_FORM}. Received: {subscription}") from None
    except (exceptions.GoogleAPIError, DefaultCredentialsError) as error:
        raise ServingError(f"--subscription: {subscription} can't be looked up: {error}") from error
