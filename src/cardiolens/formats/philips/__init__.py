"""The parts of a Philips ECG XML document."""
