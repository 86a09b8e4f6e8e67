"""The command line: the same verbs as the gateway for a terminal; starts the other parts as processes."""
