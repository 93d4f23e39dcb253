"""Who may connect, as whom, and what they may do; what they did stands in the audit file."""
