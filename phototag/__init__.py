"""phototag teaches a computer a photographer's own categories and writes the tags into their photos, harmlessly."""

__version__ = "0.1.0"
