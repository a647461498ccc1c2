"""What pages for people have in common: the stylesheet, the templates, the pictures."""
