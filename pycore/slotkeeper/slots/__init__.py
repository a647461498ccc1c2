"""Which certificate belongs in the Network Operator slot of a GPF, and who has to act.

The package judges what the registers and the audit trail say. It never loads a key, never sends
anything to a device, and does not import the engine.
"""
