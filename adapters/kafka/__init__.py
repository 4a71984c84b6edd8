"""Messages over Apache Kafka: publisher, subscriber, and the envelope between them."""
