"""What `tertulia doctor` looks at, a subject a file; each check gives findings and never raises."""
