"""The rules of one room: who is in it, who sits in whose seats, who speaks.  No I/O, no clock, no core."""
