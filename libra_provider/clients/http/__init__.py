"""One HTTP request as data, and the two transports that send it."""
