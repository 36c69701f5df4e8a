"""Python client for Hongyan."""
