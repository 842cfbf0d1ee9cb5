"""Published spellings of each family, mapped onto our networks."""
