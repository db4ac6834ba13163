"""Real servers on this machine, started and stopped together: for the demo, tests, benchmarks."""
