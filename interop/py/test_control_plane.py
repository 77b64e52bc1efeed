"""botocore's own signatures against the control plane."""

import datetime
import time
from unittest import mock

import botocore.auth
from botocore import UNSIGNED
from botocore.exceptions import ClientError, SSLError

import aws
from harness import Failure, check, equal, test


def _life_of_a_channel(environment, secure):
    client, name = aws.client(environment, secure=secure), environment.unique("Front-Door_1.cam")
    created = client.create_signaling_channel(
        ChannelName=name,
        ChannelType="SINGLE_MASTER",
        SingleMasterConfiguration={"MessageTtlSeconds": 120},
        Tags=[{"Key": "where", "Value": "front door"}],
    )
    arn = created["ChannelARN"]
    check(arn.startswith("arn:aws:kinesisvideo:"), f"ARN {arn}")
    check(f":channel/{name}/" in arn, f"ARN {arn}")
    info = client.describe_signaling_channel(ChannelName=name)["ChannelInfo"]
    equal(client.describe_signaling_channel(ChannelARN=arn)["ChannelInfo"], info, "info by ARN")
    equal(info["ChannelName"], name, "ChannelName")
    equal(info["ChannelARN"], arn, "ChannelARN")
    equal(info["ChannelStatus"], "ACTIVE", "ChannelStatus")
    equal(info["ChannelType"], "SINGLE_MASTER", "ChannelType")
    equal(info["SingleMasterConfiguration"]["MessageTtlSeconds"], 120, "MessageTtlSeconds")
    age = datetime.datetime.now(datetime.timezone.utc) - info["CreationTime"]
    check(abs(age.total_seconds()) < 10, f"CreationTime is {age} ago")
    page = client.list_signaling_channels(
        ChannelNameCondition={"ComparisonOperator": "BEGINS_WITH", "ComparisonValue": name}
    )
    equal([c["ChannelARN"] for c in page["ChannelInfoList"]], [arn], "the listed channels")
    base = environment.service.https if secure else environment.service.http
    for role in ("MASTER", "VIEWER"):
        found = aws.endpoints(environment, arn, role, secure)
        equal(found, {"HTTPS": base, "WSS": base.replace("http", "ws", 1)}, f"endpoints of {role}")
    data = aws.client(
        environment, "kinesis-video-signaling", secure=secure, endpoint=found["HTTPS"]
    )
    servers = data.get_ice_server_config(ChannelARN=arn, ClientId="viewer-1", Service="TURN")
    urls = [uri for server in servers["IceServerList"] for uri in server["Uris"]]
    check(all(uri.split(":")[0] in ("stun", "turn", "turns") for uri in urls), f"ICE URLs {urls}")
    aws.refused(
        "VersionMismatchException",
        400,
        client.delete_signaling_channel,
        ChannelARN=arn,
        CurrentVersion="another",
    )
    client.delete_signaling_channel(ChannelARN=arn, CurrentVersion=info["Version"])
    missing = {"code": "ResourceNotFoundException", "status": 404}
    aws.refused(**missing, call=client.describe_signaling_channel, ChannelName=name)
    aws.refused(**missing, call=data.get_ice_server_config, ChannelARN=arn)
    return f"{len(urls)} ICE URLs"


@test
def botocore_drives_the_control_plane_over_http(environment):
    return _life_of_a_channel(environment, secure=False)


@test
def botocore_drives_the_control_plane_over_tls(environment):
    return _life_of_a_channel(environment, secure=True)


@test
def the_service_is_trusted_only_through_its_ca_file(environment):
    try:
        aws.client(environment, secure=True, verify=True).list_signaling_channels()
    except SSLError:
        return None
    raise Failure("a certificate of no known authority was accepted")


@test
def channels_are_listed_in_pages(environment):
    client, prefix = aws.client(environment), environment.unique("page")
    names = sorted(f"{prefix}-{n}" for n in range(7))
    for name in [*names, environment.unique("other")]:
        client.create_signaling_channel(ChannelName=name)
    pages = list(
        client.get_paginator("list_signaling_channels").paginate(
            ChannelNameCondition={"ComparisonOperator": "BEGINS_WITH", "ComparisonValue": prefix},
            PaginationConfig={"PageSize": 3},
        )
    )
    equal([len(p["ChannelInfoList"]) for p in pages], [3, 3, 1], "channels a page")
    listed = [c["ChannelName"] for p in pages for c in p["ChannelInfoList"]]
    equal(listed, names, "the listed names")
    aws.refused(
        "InvalidArgumentException", 400, client.list_signaling_channels, NextToken="no token"
    )
    everything = client.list_signaling_channels()["ChannelInfoList"]
    check(len(everything) >= 8, f"{len(everything)} channels without a condition")
    return f"{len(listed)} channels, {len(pages)} pages"


@test
def wrong_credentials_are_refused_in_the_shape_of_aws(environment):
    call = {"ChannelName": "whatever"}

    def describe(**with_):
        return aws.client(environment, **with_).describe_signaling_channel

    for secure in (False, True):
        wrong = describe(secret_key="another", secure=secure)
        message = aws.refused("InvalidSignatureException", 403, wrong, **call)
        check("signature we calculated does not match" in message, message)
    aws.refused("UnrecognizedClientException", 403, describe(access_key="AKIDNOBODY"), **call)
    aws.refused("UnrecognizedClientException", 403, describe(token="a/token+of=no one"), **call)
    message = aws.refused("InvalidSignatureException", 403, describe(region="ap-east-1"), **call)
    check("scoped" in message, message)
    unsigned = describe(signature_version=UNSIGNED)
    aws.refused("MissingAuthenticationTokenException", 403, unsigned, **call)


@test
def missing_doubled_and_ill_named_channels_are_refused(environment):
    client, (name, arn) = aws.client(environment), aws.channel(environment, "twice")
    missing = {"code": "ResourceNotFoundException", "status": 404}
    invalid = {"code": "InvalidArgumentException", "status": 400}
    create = client.create_signaling_channel
    aws.refused(**missing, call=client.describe_signaling_channel, ChannelName="nothing-here")
    aws.refused("ResourceInUseException", 400, create, ChannelName=name)
    aws.refused(**invalid, call=create, ChannelName="no spaces, please")
    long = {"SingleMasterConfiguration": {"MessageTtlSeconds": 121}}
    aws.refused(**invalid, call=create, ChannelName="fine", **long)
    aws.refused(**invalid, call=create, ChannelName="fine", ChannelType="FULL_MESH")
    aws.refused(**invalid, call=client.describe_signaling_channel)
    aws.refused(**invalid, call=client.delete_signaling_channel, ChannelARN="arn:aws:s3:::bucket")
    # A channel that is deleted and made again is another one.
    client.delete_signaling_channel(ChannelARN=arn)
    time.sleep(0.01)
    client.create_signaling_channel(ChannelName=name)
    aws.refused(**missing, call=client.describe_signaling_channel, ChannelARN=arn)
    aws.refused("UnknownOperationException", 404, client.create_stream, StreamName="no-stream")


def shifted_clock(minutes):
    """botocore's clock, off by so much."""
    true = botocore.auth.get_current_datetime

    def shifted(*arguments, **named):
        return true(*arguments, **named) + datetime.timedelta(minutes=minutes)

    return mock.patch.object(botocore.auth, "get_current_datetime", shifted)


@test
def a_skewed_clock_is_named_with_both_times(environment):
    describe = aws.client(environment).describe_signaling_channel
    name, _ = aws.channel(environment, "skew")
    for minutes, words in ((-7, "Signature expired: "), (7, "Signature not yet current: ")):
        with shifted_clock(minutes):
            message = aws.refused("InvalidSignatureException", 403, describe, ChannelName=name)
        check(message.startswith(words), message)
    # Four minutes are within what AWS allows.
    for minutes in (-4, 4):
        with shifted_clock(minutes):
            describe(ChannelName=name)


@test
def calls_beyond_the_quota_are_refused_until_it_refills(environment):
    describe = aws.client(environment).describe_signaling_channel
    name, _ = aws.channel(environment, "quota")
    other, _ = aws.channel(environment, "quota-other")
    answered, limited = 0, 0
    for _ in range(15):
        try:
            describe(ChannelName=name)
            answered += 1
        except ClientError as error:
            equal(error.response["Error"]["Code"], "ClientLimitExceededException", "error code")
            equal(error.response["ResponseMetadata"]["HTTPStatusCode"], 400, "HTTP status")
            limited += 1
    check(5 <= answered <= 8, f"{answered} of 15 calls at once were answered; the quota is 5 a second")
    describe(ChannelName=other)
    time.sleep(1.1)
    describe(ChannelName=name)
    return f"{answered} answered, {limited} refused"
