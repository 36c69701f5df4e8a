"""Finished mails written to files, without any cluster: `hongyan render`. The whole way is in `run`."""
