"""The shells that devices connect to: they authenticate, limit, and pass frames on; no rules here."""
