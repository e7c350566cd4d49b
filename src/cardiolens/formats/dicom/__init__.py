"""What a DICOM file holds and how its waveforms become millivolts."""
