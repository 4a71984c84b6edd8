"""NHN Cloud's AlimTalk and SMS as one application, and Solapi where it has an account: alone, or mounted beside the API.

- ``/alimtalk/v2.3/appkeys/{appkey}/messages`` and ``/sms/v3.0/appKeys/{appkey}/sender/sms`` (``…/mms``): the providers.
- ``/messages/v4/send-many/detail`` and ``/messages/v4/list``: Solapi.
- ``/mailbox``: what the fans were sent, to look at; ``/mailbox.json?phone=&limit=``: the same for programs.
- ``/simulator/results``: POST ``{"grouping_key", "delivered", "result_code", "resend_status"}``: what became of it after all.
- ``/simulator/webhook``: POST ``{"url", "signature"}``: who is told of AlimTalk's results; GET how it was taken, DELETE: nobody is told.
- ``/simulator/faults``: POST one or a list of ``faults.Fault`` as JSON, GET those that are set, DELETE all.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from entrypoints.simulators.faults import BadFault, Fault, Faults, Provider
from entrypoints.simulators.mailbox import Mailbox, Search
from entrypoints.simulators.mailbox_page import mailbox_page
from entrypoints.simulators.nhn_alimtalk import AlimtalkSimulator
from entrypoints.simulators.nhn_provider import Account, NhnProvider
from entrypoints.simulators.nhn_sms import SmsSimulator
from entrypoints.simulators.nhn_webhook import ResultWebhook, ResultWebhookSettings
from entrypoints.simulators.solapi import SolapiSimulator

ON_A_PAGE = 100
MOST_MAILS = 1000


def create_app(
    mailbox_path: Path,
    *,
    alimtalk: Account,
    sms: Account,
    solapi: Account | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Starlette:
    """Closes its mailbox at the end of its lifespan. A mounted application has none: await the ``close`` of ``state.webhook`` and
    ``state.mailbox``.
    """
    mailbox, faults, webhook = Mailbox(mailbox_path, now), Faults(), ResultWebhook()

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await webhook.close()
        await mailbox.close()

    app = Starlette(
        lifespan=lifespan,
        routes=[
            *AlimtalkSimulator(NhnProvider(Provider.ALIMTALK, alimtalk, mailbox, faults), webhook).routes(),
            *SmsSimulator(NhnProvider(Provider.SMS, sms, mailbox, faults)).routes(),
            *(() if solapi is None else SolapiSimulator(solapi, mailbox, faults).routes()),
            Route("/mailbox", _page),
            Route("/mailbox.json", _json),
            Route("/simulator/faults", _faults, methods=["GET", "POST", "DELETE"]),
            Route("/simulator/results", _results, methods=["POST"]),
            Route("/simulator/webhook", _webhook, methods=["GET", "POST", "DELETE"]),
        ],
    )
    app.state.mailbox = mailbox
    app.state.faults = faults
    app.state.webhook = webhook
    return app


async def _page(request: Request) -> Response:
    mailbox: Mailbox = request.app.state.mailbox
    mails = await mailbox.search(Search(limit=ON_A_PAGE))
    return HTMLResponse(mailbox_page(mails, ON_A_PAGE), headers={"Cache-Control": "no-store"})


async def _json(request: Request) -> Response:
    mailbox: Mailbox = request.app.state.mailbox
    asked = request.query_params
    limit = asked.get("limit", str(ON_A_PAGE))
    if not limit.isdecimal() or not 1 <= int(limit) <= MOST_MAILS:
        return JSONResponse({"error": f"limit: 1 to {MOST_MAILS}"}, status_code=400)
    mails = await mailbox.search(Search(phone=asked.get("phone"), limit=int(limit)))
    return JSONResponse({"mails": [asdict(mail) | {"created_at": mail.created_at.isoformat()} for mail in mails]})


async def _faults(request: Request) -> Response:
    """JSON by its content type only: no page of another site can set them."""
    faults: Faults = request.app.state.faults
    if request.method == "DELETE":
        faults.clear()
    if request.method == "POST":
        if not request.headers.get("content-type", "").startswith("application/json"):
            return JSONResponse({"error": "application/json"}, status_code=415)
        try:
            given = await request.json()
            added = [Fault.read(one) for one in (given if isinstance(given, list) else [given])]
        except (ValueError, BadFault) as problem:
            return JSONResponse({"error": str(problem)}, status_code=400)
        for fault in added:
            faults.add(fault)
    return JSONResponse({"faults": faults.as_json()})


async def _results(request: Request) -> Response:
    """JSON by its content type only, as above."""
    mailbox: Mailbox = request.app.state.mailbox
    if not request.headers.get("content-type", "").startswith("application/json"):
        return JSONResponse({"error": "application/json"}, status_code=415)
    try:
        given = await request.json()
        settled = await mailbox.settle(
            str(given["grouping_key"]),
            delivered=bool(given["delivered"]),
            result_code=str(given["result_code"]),
            resend_status=str(given.get("resend_status", "RSC01")),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return JSONResponse({"error": "grouping_key, delivered, result_code"}, status_code=400)
    request.app.state.webhook.tell(await mailbox.search(Search(grouping_key=str(given["grouping_key"]))))
    return JSONResponse({"settled": settled})


async def _webhook(request: Request) -> Response:
    """JSON by its content type only, as above."""
    webhook: ResultWebhook = request.app.state.webhook
    if request.method == "DELETE":
        webhook.settings = ResultWebhookSettings()
    if request.method == "POST":
        if not request.headers.get("content-type", "").startswith("application/json"):
            return JSONResponse({"error": "application/json"}, status_code=415)
        try:
            given = await request.json()
            webhook.settings = ResultWebhookSettings(url=str(given["url"]), signature=str(given.get("signature", "")))
        except (ValueError, KeyError, TypeError, AttributeError):
            return JSONResponse({"error": "url, signature"}, status_code=400)
    return JSONResponse({"url": webhook.settings.url, "statuses": webhook.statuses})
