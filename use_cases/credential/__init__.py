"""A forgotten password: begun by anybody, finished by the owner, looked at by people of the house."""
