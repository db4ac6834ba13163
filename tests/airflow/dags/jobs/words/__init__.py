"""A package that a job ships."""

GREETING = "grüß dich"
