"""Doubles of the providers: they behave as the real services are known to, odd days included."""
