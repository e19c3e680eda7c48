"""What changed in the tables from version to version; run by `store/migrate.py`, packaged with it."""
