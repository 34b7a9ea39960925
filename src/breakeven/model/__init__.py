"""What work costs on a machine: pure arithmetic from a sample and a profile to forecasts. Imports nothing by itself."""
