"""The rules of QSS: pure functions and frozen values.  Time and identifiers come in as arguments; effects come out."""
