"""A video pipeline: frames from a camera's process to analysers', and what keeps pace with the camera."""
