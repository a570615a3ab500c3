"""Training on several devices and machines.

Which strategy it is, who reads what, and how there is one plain model at the end.
"""
