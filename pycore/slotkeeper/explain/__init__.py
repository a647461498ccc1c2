"""The sentences that people read: for commands, reports and pages, so that all say the same.

``codes`` tells what a name on the streams means, ``reasons`` what a decision's reason means and who
acts next; ``story`` is what is known of one device, ``verdict`` its cause in a sentence, and
``outline`` the whole of it as a tree.
"""
