"""How the machinery of alerting is: is it evaluating, is it delivering, and who would notice if not?"""
