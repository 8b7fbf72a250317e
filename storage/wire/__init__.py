"""Other people's wire shapes, as far as the API and the workers both have to know them. Nothing here does I/O."""
