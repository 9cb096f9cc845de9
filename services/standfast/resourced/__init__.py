"""The brain and the hands: terms, record and plan; units, probes and addresses."""
