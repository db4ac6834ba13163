"""The life of a job: submit once, watch, settle. Operators and sensors share it."""
