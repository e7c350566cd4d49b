"""What every output says."""

NOTICE = "Research use only: not a medical device."
