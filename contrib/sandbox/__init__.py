"""A desk, phones and mailboxes on loopback, and people who use them, to try the hub without any real system."""
