"""What looks like a person in a folder: participants' numbers, dates of birth and names, before it leaves the machine."""
