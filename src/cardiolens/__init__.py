"""cardiolens: what a cardiac MRI would show, from a 12-lead ECG. Research use only."""
