"""Offers and answers: text in, frozen values; frozen values in, text out.  No I/O, no state.

`lines` (is it SDP at all?) -> `sections` (what each line says) -> `offer` (what the client says, as `values`)
-> `codecs`, `agreement` (what both do) -> `answer`
"""
