"""Registering and running tests: one line of output for each."""

import asyncio
import inspect
import time
import traceback

TIMEOUT = 30.0
_tests = []


class Skip(Exception):
    """A test that cannot run here; the text says why."""


class Failure(Exception):
    """What a test found wrong, in one line."""


def test(function):
    """Registers `function(environment)`; its name is the test's, what it returns are the figures."""
    _tests.append(function)
    return function


def check(condition, why):
    if not condition:
        raise Failure(why)


def equal(found, wanted, what):
    check(found == wanted, f"{what} is {found!r}, not {wanted!r}")


async def until(condition, why, seconds=10.0):
    """Waits for `condition()` to hold; `why` may be a callable that says how things stand."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= end:
            raise Failure(f"after {seconds:g} s: {why() if callable(why) else why}")
        await asyncio.sleep(0.01)


def _one_line(error):
    if isinstance(error, (Failure, Skip)):
        text = str(error)
    elif isinstance(error, (TimeoutError, asyncio.TimeoutError)):
        text = f"not finished after {TIMEOUT:g} s"
    else:
        where = traceback.extract_tb(error.__traceback__)[-1]
        text = f"{type(error).__name__}: {error} ({where.filename.rsplit('/', 1)[-1]}:{where.lineno})"
    return " ".join(text.split())


async def run(environment, wanted):
    """Runs the tests whose names contain `wanted`. True when none failed."""
    good = True
    for function in _tests:
        name = function.__name__
        if wanted not in name:
            continue
        environment.begin()
        try:
            if inspect.iscoroutinefunction(function):
                figures = await asyncio.wait_for(function(environment), TIMEOUT)
            else:
                work = asyncio.to_thread(function, environment)
                figures = await asyncio.wait_for(work, TIMEOUT)
            line = f"ok {name}" + (f" ({figures})" if figures else "")
        except Skip as why:
            line = f"skipped {name}: {_one_line(why)}"
        except Exception as error:  # one test's trouble is not the next one's
            good = False
            line = f"FAILED {name}: {_one_line(error)}{environment.evidence()}"
        finally:
            await environment.end()
        print(line, flush=True)
    return good
