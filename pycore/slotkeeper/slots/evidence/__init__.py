"""Evidence packages: what devices have signed about their slots, for people without Slotkeeper."""
