"""The data plane: admission, and messages from one end to the other."""

import asyncio

from websockets.exceptions import ConnectionClosed

import aws
import signaling
from harness import check, equal, test
from signaling import Signaling
from test_control_plane import shifted_clock


async def _endpoint(environment, arn, secure=False):
    found = await asyncio.to_thread(aws.endpoints, environment, arn, "VIEWER", secure)
    return found["WSS"]


@test
async def websockets_are_admitted_only_with_a_good_signature(environment):
    _, arn = await asyncio.to_thread(aws.channel, environment, "admission")
    for secure in (False, True):
        wss = await _endpoint(environment, arn, secure)
        equal(wss.split(":")[0], "wss" if secure else "ws", "scheme")
        wrong = aws.signed_url(wss, arn, "viewer", secret_key="another")
        status, error, message = await signaling.refused(environment, wrong)
        equal((status, error), (403, "InvalidSignatureException"), "refusal")
        check("does not match" in message, message)
        await Signaling.open(environment, arn, "id.with_all-4_kinds", secure=secure)
    moved = aws.signed_url(wss, arn, "viewer").replace("ClientId=viewer", "ClientId=other")
    equal((await signaling.refused(environment, moved))[:2], (403, error), "a changed client id")
    with shifted_clock(-6):
        late = aws.signed_url(wss, arn, "viewer", expires=299)
    status, error, message = await signaling.refused(environment, late)
    equal((status, error), (403, "InvalidSignatureException"), "refusal of a late URL")
    check(message.startswith("Signature expired"), message)
    token = aws.signed_url(wss, arn, "viewer", token="a/token+of=no one")
    found = await signaling.refused(environment, token)
    equal(found[:2], (403, "UnrecognizedClientException"), "refusal of a token")
    gone = aws.signed_url(wss, arn + "0", "viewer")
    found = await signaling.refused(environment, gone)
    equal(found[:2], (404, "ResourceNotFoundException"), "refusal of a missing channel")


@test
async def messages_reach_the_other_end_in_either_sdks_writing(environment):
    _, arn = await asyncio.to_thread(aws.channel, environment, "relay")
    viewer = await Signaling.open(environment, arn, "viewer-1", style="js")
    # The master is not there yet: the offer waits.
    await viewer.send("SDP_OFFER", {"type": "offer", "sdp": "v=0\r\n"})
    master = await Signaling.open(environment, arn, style="c", secure=True)
    offer = await master.receive()
    equal(offer["messageType"], "SDP_OFFER", "messageType")
    equal(offer["senderClientId"], "viewer-1", "senderClientId")
    equal(signaling.decode(offer), {"type": "offer", "sdp": "v=0\r\n"}, "payload")
    await master.send("SDP_ANSWER", {"type": "answer"}, recipient="viewer-1", correlation="c-1")
    answer = await viewer.receive()
    equal(answer["messageType"], "SDP_ANSWER", "messageType")
    check(not answer.get("senderClientId"), f"the master has a sender id: {answer}")
    # Refusals come back only to who gave a correlation id.
    await viewer.send("ICE_CANDIDATE", {}, recipient="viewer-2")
    await viewer.send("ICE_CANDIDATE", {}, recipient="viewer-2", correlation="c-2")
    status = await viewer.receive()
    equal(status["messageType"], "STATUS_RESPONSE", "messageType")
    equal(status["statusResponse"]["correlationId"], "c-2", "correlationId")
    equal(status["statusResponse"]["errorType"], "InvalidArgumentException", "errorType")
    # A new master takes the old one's place.
    successor = await Signaling.open(environment, arn)
    try:
        await master.receive()
        check(False, "the old master got another message")
    except ConnectionClosed as closed:
        equal(closed.rcvd.code, 4001, "close code")
    await viewer.send("ICE_CANDIDATE", {"candidate": ""})
    equal((await successor.receive())["messageType"], "ICE_CANDIDATE", "messageType")


@test
async def the_eleventh_viewer_of_a_channel_is_refused(environment):
    _, arn = await asyncio.to_thread(aws.channel, environment, "eleven")
    wss = await _endpoint(environment, arn)
    for n in range(10):
        # Three viewers a second may connect.
        url = aws.signed_url(wss, arn, f"viewer-{n}")
        await Signaling.open(environment, arn, url=url)
        await asyncio.sleep(0.35)
    eleventh = aws.signed_url(wss, arn, "viewer-10")
    status, error, message = await signaling.refused(environment, eleventh)
    equal((status, error), (400, "ClientLimitExceededException"), "refusal")
    check("viewer limit" in message, message)
    return "10 admitted"
