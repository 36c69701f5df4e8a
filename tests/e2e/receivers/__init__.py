"""Real mail servers of Debian as receivers on loopback: unpacked beside the system, never installed, stopped with the test."""
