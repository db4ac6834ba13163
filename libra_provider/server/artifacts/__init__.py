"""Files that drivers fetch, stored by their SHA-256 while a statement needs them."""
