"""`python -m phototag`: for cron, and wherever the console script is not on the path."""

from phototag.cli import main

if __name__ == "__main__":
    main()
