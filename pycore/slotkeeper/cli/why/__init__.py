"""``slotkeeper why`` and ``slotkeeper explain``: causes in sentences."""
