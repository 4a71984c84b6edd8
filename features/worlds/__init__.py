"""Where the features run: the embedded default, and the same server on real MySQL, Redis and Kafka."""
