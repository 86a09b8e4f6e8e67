"""The one data converter of client, worker, replay and tests."""

from __future__ import annotations

from temporalio.contrib.pydantic import PydanticPayloadConverter
from temporalio.converter import DataConverter, DefaultFailureConverterWithEncodedAttributes

from adapters.temporal.codec import DataKeys, IncidentCodec


def encrypting_converter(keys: DataKeys) -> DataConverter:
    """Pydantic messages as JSON, encrypted per incident; failure texts and stack traces too."""
    return DataConverter(
        payload_converter_class=PydanticPayloadConverter,
        payload_codec=IncidentCodec(keys),
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
    )


def plain_converter() -> DataConverter:
    """The same without encryption, for histories that are decrypted already."""
    return DataConverter(
        payload_converter_class=PydanticPayloadConverter,
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
    )
