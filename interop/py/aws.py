"""botocore as it is, pointed at the local service."""

import boto3
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from harness import Failure, check, equal
from programs import ACCESS_KEY, REGION, SECRET_KEY


def client(
    environment,
    name="kinesisvideo",
    *,
    secure=False,
    endpoint=None,
    access_key=ACCESS_KEY,
    secret_key=SECRET_KEY,
    token=None,
    region=REGION,
    verify=None,
    **options,
):
    """A client; no retries, so that each refusal is seen."""
    service = environment.service
    return boto3.client(
        name,
        endpoint_url=endpoint or (service.https if secure else service.http),
        region_name=region,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        aws_session_token=token,
        verify=str(service.ca) if verify is None else verify,
        config=Config(
            retries={"total_max_attempts": 1},
            connect_timeout=5,
            read_timeout=5,
            proxies={},
            **options,
        ),
    )


def channel(environment, stem):
    """Makes a channel: its name and ARN."""
    name = environment.unique(stem)
    return name, client(environment).create_signaling_channel(ChannelName=name)["ChannelARN"]


def endpoints(environment, arn, role, secure=False):
    """The data plane's endpoints by protocol."""
    answer = client(environment, secure=secure).get_signaling_channel_endpoint(
        ChannelARN=arn,
        SingleMasterChannelEndpointConfiguration={"Protocols": ["WSS", "HTTPS"], "Role": role},
    )
    return {e["Protocol"]: e["ResourceEndpoint"] for e in answer["ResourceEndpointList"]}


def refused(code, status, call, **arguments):
    """Calls what must be refused so; the refusal's message."""
    try:
        call(**arguments)
    except ClientError as error:
        answer = error.response
        equal(answer["Error"]["Code"], code, "error code")
        equal(answer["ResponseMetadata"]["HTTPStatusCode"], status, "HTTP status")
        check(answer["ResponseMetadata"].get("RequestId"), "the refusal has no request id")
        message = answer["Error"]["Message"]
        check(message, "the refusal has no message")
        return message
    raise Failure(f"the service did what it should refuse with {code}")


def signed_url(
    endpoint, arn, client_id=None, *, secret_key=SECRET_KEY, token=None, expires=299, region=REGION
):
    """The WebSocket's URL: X-Amz-ChannelARN, X-Amz-ClientId of a viewer, signed in the query."""
    request = AWSRequest(method="GET", url=endpoint + "/", params={"X-Amz-ChannelARN": arn})
    if client_id is not None:
        request.params["X-Amz-ClientId"] = client_id
    credentials = Credentials(ACCESS_KEY, secret_key, token)
    SigV4QueryAuth(credentials, "kinesisvideo", region, expires=expires).add_auth(request)
    return request.url
