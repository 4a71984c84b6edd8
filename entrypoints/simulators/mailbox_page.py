"""The mailbox as a person reads it."""

from collections.abc import Sequence
from html import escape

from application.messaging.booking_news import KST
from entrypoints.simulators.mailbox import Mail

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Mailbox: what the fans were sent</title>
<style>
:root {{ color-scheme: light dark; font-family: system-ui, sans-serif; line-height: 1.5; }}
body {{ margin: 0 auto; max-width: 44rem; padding: 1rem; }}
article {{ border: 1px solid; border-radius: .5rem; margin-block: 1rem; padding: 0 1rem; }}
h2 {{ font-size: 1rem; }}
pre {{ font: inherit; white-space: pre-wrap; overflow-wrap: anywhere; }}
</style>
</head>
<body>
<header>
<h1>Mailbox</h1>
<p>{count}. <a href="">Look again</a></p>
</header>
<main>
{mails}
</main>
</body>
</html>
"""

_MAIL = """<article aria-labelledby="mail-{number}">
<h2 id="mail-{number}">{kind} to {phone}{fate}</h2>
<p><time datetime="{machine_time}">{time}</time></p>
<pre lang="ko">{text}</pre>
</article>"""


def mailbox_page(mails: Sequence[Mail], most: int) -> str:
    return _PAGE.format(
        count=_count(len(mails), most), mails="\n".join(_article(number, mail) for number, mail in enumerate(mails, start=1))
    )


def _article(number: int, mail: Mail) -> str:
    local = mail.created_at.astimezone(KST)
    return _MAIL.format(
        number=number,
        kind=escape(mail.kind),
        phone=escape(mail.phone),
        fate="" if mail.delivered else f" (not delivered: {escape(mail.result_code)})",
        machine_time=local.isoformat(timespec="seconds"),
        time=f"{local:%Y-%m-%d %H:%M:%S} KST",
        text=escape(f"{mail.title}\n{mail.text}" if mail.title else mail.text),
    )


def _count(count: int, most: int) -> str:
    if count == 0:
        return "Nothing was sent yet"
    return f"The newest {count} messages, newest first" if count == most else f"{count} message{'s'[: count > 1]}, newest first"
