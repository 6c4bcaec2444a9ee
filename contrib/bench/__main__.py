"""`python -m bench`, with contrib on PYTHONPATH."""

from bench.command import main

if __name__ == "__main__":
    main()
