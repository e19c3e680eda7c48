"""The load tester: thousands of headless participants, whose packets the core's load engine sends and counts.

plan -> sign-in, join (Python) -> **agents.load** -> `sfu._core.LoadEngine` (Rust: sockets, ICE, SRTP, media, counting)
"""
