"""The nodes that carry media: who is there, who gets the next room, and the contract spoken with them (`/nodes`)."""
