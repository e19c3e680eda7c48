"""Commands of the console that read and change lasting state: `tertulia user`, `tertulia call history`.

console script -> **console** -> store

They open the database themselves, whether or not signaling runs; each change is kept in the audit log.
"""
