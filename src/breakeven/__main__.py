"""`python -m breakeven`: the same as the `breakeven` command. Never anything else."""

from breakeven.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
