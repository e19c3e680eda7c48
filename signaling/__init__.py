"""Who may talk to whom: devices, rooms, ACLs, invitations, and the nodes that carry the media.

app -> gateway (shells) -> requests -> qss/ (rules) -> state/ ; nodes and sapi beside it
"""
