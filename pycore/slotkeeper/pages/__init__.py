"""Pages for people, with a JSON twin each: a process of its own that never touches a key.

It reads the slots folder, the reports made of it, and the streams, and changes none of them but by
acts that persons have signed elsewhere.
"""
