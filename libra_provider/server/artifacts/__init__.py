"""Files by content: uploaded once, kept while a statement needs them, fetched by drivers."""
