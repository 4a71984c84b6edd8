"""Circuit breakers: purgatory's states and events, over a state of ours that all processes share. And ports that stand behind them."""
