//! slotkeeper._core: the engine for Python.
