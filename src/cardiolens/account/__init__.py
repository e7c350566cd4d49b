"""What a training step costs, and how near the machine comes to its own limits."""
