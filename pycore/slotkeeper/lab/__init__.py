"""The laboratory: emulated devices, a test PKI, fleets and vectors.

Everything here comes from the protocol alone and shares no code with the engine, so that it can
judge what the engine makes: :mod:`~slotkeeper.lab.gpf` is a device that checks every command,
:mod:`~slotkeeper.lab.envelope`, :mod:`~slotkeeper.lab.commands` and
:mod:`~slotkeeper.lab.outcomes` are the second codec, :mod:`~slotkeeper.lab.sealing` the second
opinion on signatures and MACs.
"""
