"""Does `auto` choose well? Every fixed way, auto and the peers on fourteen kinds of work, and how well it forecast."""
