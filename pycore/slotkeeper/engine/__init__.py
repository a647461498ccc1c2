"""The engine in Python: what it is to a worker (`port`), and to another pipeline (`host`)."""
