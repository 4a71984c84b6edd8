import pytest

from domain.contact import NotAPhoneNumber, phone_number


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("01012345678", "01012345678"),
        ("010-1234-5678", "01012345678"),
        ("+82 10-1234-5678", "01012345678"),
        ("+82 (0)10 1234 5678", "01012345678"),
        ("011 234 5678", "0112345678"),
    ],
)
def test_a_number_is_brought_to_its_digits(text: str, digits: str) -> None:
    assert phone_number(text) == digits


@pytest.mark.parametrize("text", ["", "02-123-4567", "0101234567890", "010-12ab-5678", "+1 555 123 4567", "010١٢٣٤٥٦٧٨", "01012345678\n9"])
def test_what_is_no_mobile_number_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(NotAPhoneNumber) as refused:
        phone_number(text)
    assert str(refused.value) == ""
