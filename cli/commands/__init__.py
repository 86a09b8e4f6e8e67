"""The signature of each command: what can be asked. The work is imported when a command runs."""
