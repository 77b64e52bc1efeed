"""A KVS signaling client that writes its messages as the official SDKs do."""

import asyncio
import base64
import json
import ssl

from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

import aws
from harness import Failure


def encode(payload):
    return base64.b64encode(json.dumps(payload).encode()).decode()


def decode(message):
    payload = message.get("messagePayload")
    return json.loads(base64.b64decode(payload)) if payload else None


def _js_style(action, payload, recipient, correlation):
    message = {"action": action, "messagePayload": encode(payload)}
    if recipient is not None:
        message["recipientClientId"] = recipient
    if correlation is not None:
        message["correlationId"] = correlation
    return json.dumps(message, separators=(",", ":"))


def _c_style(action, payload, recipient, correlation):
    """Capitals, tabs and newlines, an empty recipient towards the master: as the C SDK writes."""
    members = [
        f'"action": "{action}"',
        f'"RecipientClientId": "{recipient or ""}"',
        f'"MessagePayload": "{encode(payload)}"',
    ]
    if correlation is not None:
        members.append(f'"CorrelationId": "{correlation}"')
    return "{\n\t" + ",\n\t".join(members) + "\n}"


STYLES = {"js": _js_style, "c": _c_style}


class Signaling:
    """A signaling connection."""

    def __init__(self, socket, style):
        self.socket = socket
        self._write = STYLES[style]

    @classmethod
    async def open(cls, environment, arn, client_id=None, *, secure=False, style="js", url=None):
        """As a viewer when there is a `client_id`, as the master otherwise."""
        if url is None:
            role = "MASTER" if client_id is None else "VIEWER"
            wss = (await asyncio.to_thread(aws.endpoints, environment, arn, role, secure))["WSS"]
            url = aws.signed_url(wss, arn, client_id)
        context = None
        if url.startswith("wss:"):
            context = ssl.create_default_context(cafile=str(environment.service.ca))
        socket = await connect(url, ssl=context, proxy=None, open_timeout=5, close_timeout=1)
        environment.closing(socket.close)
        return cls(socket, style)

    async def send(self, action, payload, recipient=None, correlation=None):
        await self.socket.send(self._write(action, payload, recipient, correlation))

    async def receive(self, seconds=10.0):
        """The next message, as the service wrote it."""
        return json.loads(await asyncio.wait_for(self.socket.recv(), seconds))

    async def close(self):
        await self.socket.close()


async def refused(environment, url):
    """Opens what must be refused: HTTP status, error type, message."""
    try:
        await Signaling.open(environment, None, url=url)
    except InvalidStatus as error:
        response = error.response
        message = json.loads(response.body or b"{}").get("Message", "")
        return response.status_code, response.headers.get("x-amzn-errortype"), message
    raise Failure("the service admitted a WebSocket that it should refuse")
