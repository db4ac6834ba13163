"""The life of a job, which operators share: submit once, watch, settle."""
