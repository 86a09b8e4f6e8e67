import pytest
from temporalio.api.common.v1 import Payload
from temporalio.converter import ActivitySerializationContext, WorkflowSerializationContext

from adapters.temporal.codec import ENCODING, IncidentCodec
from adapters.temporal.converter import encrypting_converter
from models.contracts.incidents import IncidentOpening
from models.errors import ErrorCode, StanchError
from models.ids import child_workflow_id, incident_workflow_id, new_id, recovery_workflow_id
from tests.temporal.keys import KeysInMemory

pytestmark = pytest.mark.fast

PLAIN = Payload(metadata={"encoding": b"json/plain"}, data=b'{"phone":"+65 8123 4567"}')


def codec_for(workflow_id: str, keys: KeysInMemory) -> IncidentCodec:
    return IncidentCodec(keys).with_context(WorkflowSerializationContext("default", workflow_id))


async def test_what_goes_in_comes_out_and_nothing_of_it_is_readable_between() -> None:
    incident = new_id()
    codec = codec_for(incident_workflow_id(incident), KeysInMemory())
    (sealed,) = await codec.encode([PLAIN])
    assert sealed.metadata["encoding"] == ENCODING
    assert b"8123" not in sealed.SerializeToString()
    assert b"json/plain" not in sealed.SerializeToString()
    assert await codec.decode([sealed]) == [PLAIN]


async def test_two_encryptions_of_the_same_payload_differ() -> None:
    codec = codec_for(incident_workflow_id(new_id()), KeysInMemory())
    first, second = await codec.encode([PLAIN, PLAIN])
    assert first.data != second.data


async def test_every_workflow_of_an_incident_shares_its_key() -> None:
    incident, keys = new_id(), KeysInMemory()
    (sealed,) = await codec_for(incident_workflow_id(incident), keys).encode([PLAIN])
    for workflow_id in (child_workflow_id(incident, 2, "money/1"), recovery_workflow_id(incident)):
        assert await codec_for(workflow_id, keys).decode([sealed]) == [PLAIN]


async def test_the_activity_of_a_workflow_reads_what_its_workflow_wrote() -> None:
    incident, keys = new_id(), KeysInMemory()
    workflow_id = incident_workflow_id(incident)
    (sealed,) = await codec_for(workflow_id, keys).encode([PLAIN])
    context = ActivitySerializationContext("default", "1", "freeze", "stanch", workflow_id, None, False)
    assert await IncidentCodec(keys).with_context(context).decode([sealed]) == [PLAIN]


async def test_another_incidents_payload_is_refused() -> None:
    keys = KeysInMemory()
    (sealed,) = await codec_for(incident_workflow_id(new_id()), keys).encode([PLAIN])
    with pytest.raises(StanchError) as refused:
        await codec_for(incident_workflow_id(new_id()), keys).decode([sealed])
    assert refused.value.code is ErrorCode.INTERNAL


async def test_a_payload_relabelled_as_another_incidents_is_refused() -> None:
    keys, other = KeysInMemory(), new_id()
    (sealed,) = await codec_for(incident_workflow_id(new_id()), keys).encode([PLAIN])
    keys.same_for_all()
    relabelled = Payload(metadata={**sealed.metadata, "stanch-incident": other.encode()}, data=sealed.data)
    with pytest.raises(StanchError) as refused:
        await codec_for(incident_workflow_id(other), keys).decode([relabelled])
    assert refused.value.code is ErrorCode.INTERNAL


@pytest.mark.parametrize("position", [0, 11, 12, 40, -1])
async def test_one_changed_byte_is_refused(position: int) -> None:
    codec = codec_for(incident_workflow_id(new_id()), KeysInMemory())
    (sealed,) = await codec.encode([PLAIN])
    data = bytearray(sealed.data)
    data[position] ^= 1
    with pytest.raises(StanchError) as refused:
        await codec.decode([Payload(metadata=sealed.metadata, data=bytes(data))])
    assert refused.value.code is ErrorCode.INTERNAL


@pytest.mark.parametrize("length", [0, 5, 12, 20])
async def test_a_payload_cut_short_is_refused(length: int) -> None:
    codec = codec_for(incident_workflow_id(new_id()), KeysInMemory())
    (sealed,) = await codec.encode([PLAIN])
    with pytest.raises(StanchError):
        await codec.decode([Payload(metadata=sealed.metadata, data=sealed.data[:length])])


async def test_what_was_never_encrypted_is_read_as_it_stands() -> None:
    assert await codec_for(incident_workflow_id(new_id()), KeysInMemory()).decode([PLAIN]) == [PLAIN]


@pytest.mark.parametrize("workflow_id", ["order-7", "incident:", "incident:+6581234567", "recovery:x/1"])
async def test_a_workflow_that_is_no_incidents_gets_nothing_encrypted(workflow_id: str) -> None:
    with pytest.raises(StanchError) as refused:
        await codec_for(workflow_id, KeysInMemory()).encode([PLAIN])
    assert refused.value.code is ErrorCode.INVALID


async def test_without_any_workflow_nothing_is_encrypted() -> None:
    with pytest.raises(StanchError) as refused:
        await IncidentCodec(KeysInMemory()).encode([PLAIN])
    assert refused.value.code is ErrorCode.INVALID


async def test_after_the_key_is_destroyed_it_says_erased() -> None:
    incident, keys = new_id(), KeysInMemory()
    codec = codec_for(incident_workflow_id(incident), keys)
    sealed = await codec.encode([PLAIN])
    keys.destroy(incident)
    with pytest.raises(StanchError) as refused:
        await codec.decode(sealed)
    assert refused.value.code is ErrorCode.ERASED


async def test_the_converter_carries_messages_through_encryption() -> None:
    incident = new_id()
    converter = encrypting_converter(KeysInMemory()).with_context(
        WorkflowSerializationContext("default", incident_workflow_id(incident))
    )
    opening = IncidentOpening(incident_id=incident, attempt=3)
    payloads = await converter.encode([opening])
    assert [payload.metadata["encoding"] for payload in payloads] == [ENCODING]
    assert await converter.decode(payloads, [IncidentOpening]) == [opening]
