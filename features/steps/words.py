"""The Korean words of the features for the states of the contract."""

SEATS = {"예매 가능": "AVAILABLE", "임시 배정": "HELD", "판매 완료": "SOLD"}
RESERVATIONS = {"결제 대기": "PENDING", "확정": "CONFIRMED", "취소": "CANCELLED", "만료": "EXPIRED"}
TOKENS = {"대기": "WAITING", "입장": "ACTIVE", "만료": "EXPIRED", "이탈": "LEFT"}
PHASES = {"집결": "GATHERING", "진행": "OPEN", "일시 정지": "PAUSED", "종료": "CLOSED"}
CONDITIONS = {"정상": "LIVE", "복구 중": "RECOVERING", "조회 불가": "UNAVAILABLE"}
LEDGER = {"충전": "TOP_UP", "차감": "DEDUCT", "복구": "RESTORE"}
