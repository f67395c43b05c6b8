"""Photos compared by what a network sees in them: similar ones, near duplicates, and those worth labelling next."""
