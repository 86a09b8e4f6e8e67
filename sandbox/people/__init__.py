"""The people of this world as programs: thief, owner, agent, supervisor."""
