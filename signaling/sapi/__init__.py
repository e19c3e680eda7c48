"""The HTTP interface (`/sapi`): signing in, users, health.  Errors are problem+json (RFC 9457)."""
