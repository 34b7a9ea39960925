"""What the probes read, checked against files laid out as kernels lay them out, and against real processes."""
