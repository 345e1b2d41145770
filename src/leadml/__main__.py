"""``python -m leadml``."""

from leadml.cli.main import main

if __name__ == "__main__":
    main()
