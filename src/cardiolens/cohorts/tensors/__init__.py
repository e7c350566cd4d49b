"""The published code's `.pt` files, made into a cohort and made from one."""
