"""The parts of an SCP-ECG record."""
