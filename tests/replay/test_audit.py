import pytest

from tests.replay.living import Engine
from tests.replay.stories import STORIES


@pytest.mark.parametrize("name", STORIES)
async def test_the_audit_of_a_true_story_finds_nothing(living: Engine, name: str) -> None:
    incident_id = await STORIES[name](living)
    report = await living.audit(incident_id)
    assert report.findings == ()
    assert (report.replay_ok, report.steps_match_history) == (True, True)
    assert report.steps == report.performed + report.adopted + report.unreturned + report.beside
