"""History as a table: from the bytes of a CSV file to messages as clients send them."""
