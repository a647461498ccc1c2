"""``slotkeeper check-config``: what would a worker do with these settings?"""
