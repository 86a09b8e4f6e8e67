"""`stanch incident`: the gateway's verbs for a terminal."""
