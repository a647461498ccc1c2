"""What each page says: one module a subject, functions of a desk and a question."""
