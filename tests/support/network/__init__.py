"""A network that is as bad as wanted: what a link does to datagrams, and relays that do it to real ones.

impairment (one way of a link: rules) -> profiles (links by name) -> line (in real time) -> relay (client and node),
crossing (client and client); sdp and browser send a client there.
"""
