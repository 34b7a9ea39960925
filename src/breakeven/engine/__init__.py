"""The process engine: channels, shared memory, workers, dispatch and supervision. Imports nothing by itself."""
