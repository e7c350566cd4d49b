"""The parts of an HL7 aECG document."""
