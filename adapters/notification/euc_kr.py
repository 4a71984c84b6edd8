"""What a text message can carry: EUC-KR, counted in bytes."""

SHORT_TEXT_BYTES = 90
LONG_TEXT_BYTES = 2000


def fitting(text: str, size: int) -> str:
    """The text with what EUC-KR lacks (emoji, say) as question marks, cut to ``size`` bytes between characters."""
    return text.encode("euc_kr", "replace")[:size].decode("euc_kr", "ignore")


def is_short(text: str) -> bool:
    return len(text.encode("euc_kr", "replace")) <= SHORT_TEXT_BYTES
