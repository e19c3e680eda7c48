"""UDP: do packets reach the node, STUN and TURN, and come back."""

from __future__ import annotations

import asyncio
import secrets
from urllib.parse import urlsplit

import aiohttp
from aioice import stun, turn

from signaling.ice import IceServers
from signaling.qss.identifiers import UserId

from .finding import Finding, broken, ok
from .servers import resolved

ANSWER_S = 1.0
TRIES = 3
STUN_PORT = 3478


class _Reply(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.came: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, _address: object) -> None:
        if not self.came.done():
            self.came.set_result(data)

    def error_received(self, error: Exception) -> None:
        if not self.came.done():
            self.came.set_exception(error)


async def asked(address: tuple[str, int], request: bytes) -> stun.Message:
    """The answer to a STUN request, which is sent up to three times; raises OSError or TimeoutError."""
    loop = asyncio.get_running_loop()
    transport, reply = await loop.create_datagram_endpoint(_Reply, remote_addr=address)
    try:
        for left in reversed(range(TRIES)):
            transport.sendto(request)
            try:
                return stun.parse_message(await asyncio.wait_for(asyncio.shield(reply.came), ANSWER_S))
            except TimeoutError:
                if not left:
                    raise
        raise TimeoutError
    finally:
        reply.came.cancel()
        transport.close()


async def node(http: aiohttp.ClientSession, url: str, secret: str) -> list[Finding]:
    """Whether each media port of a node answers an ICE check at each address that clients are told."""
    subject = f"media {urlsplit(url).netloc}"
    try:
        async with http.post(
            f"{url.rstrip('/')}/probe",
            headers={"Authorization": f"Bearer {secret}"},
            timeout=aiohttp.ClientTimeout(total=5),
        ) as response:
            body = await response.json(content_type=None)
            if response.status != 200:
                fix = "give doctor the node's secret: --node-secret-file or TERTULIA_NODE_SECRET"
                return [broken(subject, f"the node gives no probe ({response.status})", fix)]
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        return [broken(subject, f"the node gives no probe: {error}", "see the line of the node above")]
    try:
        places = [(str(address), port) for address in body["addresses"] for port in body["ports"]]
        return [await _port(*place) for place in places]
    except (KeyError, TypeError):
        return [broken(subject, "what answers is no node", "give the node's address by --node")]


async def _port(address: str, port: dict[str, object]) -> Finding:
    subject = f"UDP {address}:{port['port']}"
    try:
        await asked((address, int(str(port["port"]))), _check(str(port["ufrag"]), str(port["password"])))
    except (OSError, TimeoutError, ValueError) as error:
        why = str(error) or "no answer"
        fix = "let UDP to this port through every firewall, and check --advertise: clients are told this address"
        return broken(subject, f"an ICE check gets nothing back: {why}", fix)
    return ok(subject, "answers an ICE check")


def _check(ufrag: str, password: str) -> bytes:
    """An ICE connectivity check, RFC 8445 §7.2.2."""
    message = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
    message.attributes["USERNAME"] = f"{ufrag}:{secrets.token_hex(2)}"
    message.attributes["PRIORITY"] = 1
    message.attributes["ICE-CONTROLLING"] = secrets.randbits(63)
    message.add_message_integrity(password.encode())
    message.add_fingerprint()
    return bytes(message)


def endpoint(url: str) -> tuple[str, int, str]:
    """Host, port and transport of a STUN or TURN URL, RFC 7064 and 7065."""
    scheme, _, rest = url.partition(":")
    where, _, query = rest.partition("?")
    host, _, port = where.rpartition(":") if where.count(":") == 1 else (where, "", "")
    transport = "tcp" if "transport=tcp" in query or scheme.endswith("s") else "udp"
    return host, int(port or (5349 if scheme.endswith("s") else STUN_PORT)), transport


async def stun_server(url: str) -> Finding:
    """Whether a STUN server tells us our address."""
    host, port, _ = endpoint(url)
    fix = "check the address given by --stun, and that UDP to it is let through"
    if (address := resolved(host)) is None:
        return broken(url, f"{host} has no address", fix)
    request = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
    try:
        answer = await asked((address, port), bytes(request))
    except (OSError, TimeoutError, ValueError) as error:
        return broken(url, f"does not answer: {error or 'timeout'}", fix)
    return ok(url, f"sees us at {answer.attributes.get('XOR-MAPPED-ADDRESS', ('nowhere',))[0]}")


async def turn_server(url: str, secret: str, now: float) -> Finding:
    """Whether a TURN server gives a relay for credentials as signaling makes them."""
    (server,) = IceServers(turn=(url,), turn_secret=secret).for_user(UserId("0" * 24), now)
    host, port, transport = endpoint(url)
    if (address := resolved(host)) is None:
        return broken(url, f"{host} has no address", "check the address given by --turn")
    try:
        relay, _ = await asyncio.wait_for(
            turn.create_turn_endpoint(
                asyncio.DatagramProtocol,
                server_addr=(address, port),
                username=str(server.username),
                password=str(server.credential),
                ssl=url.startswith("turns:"),
                transport=transport,
            ),
            ANSWER_S * TRIES,
        )
    except stun.TransactionFailed as error:
        code = error.response.attributes.get("ERROR-CODE", (0, ""))
        fix = "give coturn the secret of --turn-secret-file as static-auth-secret, and compare clocks"
        return broken(url, f"refuses our credentials: {code[0]} {code[1]}", fix)
    except (OSError, TimeoutError, stun.TransactionTimeout) as error:
        fix = "start coturn, check the address given by --turn, and let its port through"
        return broken(url, f"does not answer: {str(error) or 'timeout'}", fix)
    name = relay.get_extra_info("sockname")
    relay.close()
    await asyncio.sleep(0)
    return ok(url, f"gives a relay at {name[0]}:{name[1]}")
