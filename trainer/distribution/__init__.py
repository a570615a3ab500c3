"""Training on several devices and machines: which strategy, who reads what, and one plain model at the end."""
