"""The API's side of the shared driver: starts, watches and replaces its process."""
