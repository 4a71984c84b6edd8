"""From the outbox to the fan: relaying messages, handling them once, sending what they tell."""
