"""Offers and answers: text in, frozen values; frozen values in, text out.  No I/O, no state.

`lines` (is it SDP at all?) -> `offer` (what the client says) -> `codecs`, `agreement` (what both do) -> `answer`
"""
