"""What signaling and the node have in common: how they log, and how they limit rates.  It knows neither of them."""
