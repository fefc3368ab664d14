"""`./dev run`: one photo from a provider's webhook to a browser, on real parts."""
