"""What the client and the server side of asyncua share."""
