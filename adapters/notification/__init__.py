"""AlimTalk and SMS through NHN Cloud. Contract-tested against our simulator; nothing here has met the real provider."""
