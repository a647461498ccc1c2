"""Persons whom a proxy names on a Unix socket, with its signature."""

import base64
import hashlib
import hmac
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from slotkeeper.cli.demo.site import Site
from slotkeeper.errors import ConfigurationError
from slotkeeper.pages.proxy import Proxy

from .conftest import CSRF, started
from .waiting import PATIENCE_S

SECRET = "a secret of the proxy, of some length"  # noqa: S105
PERSONS = """
[[person]]
name = "Ann@example.org"
roles = ["DCC"]
[[person]]
name = "sue@example.org"
roles = ["SUPPLIER:SUP-1"]
"""


def signature(request: httpx.Request, secret: str = SECRET) -> str:
    """Sign as mbland/hmacauth does, which oauth2-proxy uses."""
    names = (
        "Content-Length",
        "Content-Md5",
        "Content-Type",
        "Date",
        "Authorization",
        "X-Forwarded-User",
        "X-Forwarded-Email",
        "X-Forwarded-Preferred-User",
        "X-Forwarded-Access-Token",
        "Cookie",
        "Gap-Auth",
    )
    lines = [request.method]
    lines += [",".join(request.headers.get_list(name)) for name in names]
    query = request.url.query.decode()
    lines.append(request.url.path + (f"?{query}" if query else ""))
    text = "".join(f"{line}\n" for line in lines).encode() + request.content
    made = hmac.new(secret.encode(), text, hashlib.sha256).digest()
    return "sha256 " + base64.b64encode(made).decode()


@pytest.fixture(scope="module")
def socket(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    data = tmp_path_factory.mktemp("proxied")
    for name in ("slots", "reports", "exits"):
        shutil.copytree(site.folder / name, data / name)
    (data / "proxy.key").write_text(f"sha256:{SECRET}\n")
    (data / "persons.toml").write_text(PERSONS)
    config = data / "slotkeeper.toml"
    text = site.config.read_text().replace('"acb-', f'"{site.folder}/acb-')
    text = re.sub(r'"(z1.pem|e1.pem|signers.toml)"', rf'"{site.folder}/\1"', text)
    text = text.replace("sqlite:///streams.db", f"sqlite:///{site.folder}/streams.db")
    text = text.replace(
        "[console]",
        '[console]\nidentity = "header"\nproxy_key = "proxy.key"\npersons = "persons.toml"',
    )
    config.write_text(text)
    path = data / "socket"
    more = ("--listen", f"unix:{path}")
    with started(data, *more, config=config, base=str(path)), client(path) as one:
        assert path.stat().st_mode & 0o777 == 0o660
        yield one


def client(path: Path) -> httpx.Client:
    return httpx.Client(
        transport=httpx.HTTPTransport(uds=str(path)), base_url="http://console", timeout=PATIENCE_S
    )


def ask(
    socket: httpx.Client,
    path: str,
    *,
    email: str | None = "ann@example.org",
    secret: str = SECRET,
    signed: bool = True,
    after: dict[str, str] | None = None,
    method: str = "GET",
    data: dict[str, str] | None = None,
) -> httpx.Response:
    headers = {"X-Forwarded-Email": email} if email else {}
    request = socket.build_request(method, path, headers=headers, data=data)
    if signed:
        request.headers["GAP-Signature"] = signature(request, secret)
    for name, value in (after or {}).items():
        request.headers[name] = value
    return socket.send(request)


def test_a_signed_person_is_let_in_with_the_roles_of_the_file(socket: httpx.Client) -> None:
    answer = ask(socket, "/")
    assert answer.status_code == 200
    assert "Ann@example.org, DCC" in answer.text
    # The proxy ends its own sessions.
    assert "Sign out" not in answer.text
    assert "SUPPLIER:SUP-1" in ask(socket, "/", email="sue@example.org").text
    assert ask(socket, "/workers", email="sue@example.org").status_code == 403
    assert ask(socket, "/devices?finding=COMPLIANT&page=1").status_code == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"signed": False},
        {"email": None},
        {"email": "nobody@example.org"},
        {"secret": "another secret of some length"},
        {"after": {"X-Forwarded-Email": "sue@example.org"}},
        {"after": {"X-Forwarded-User": "sue@example.org"}},
        {"after": {"Cookie": "slotkeeper_session=x"}},
        {"after": {"GAP-Signature": "sha1 AAAA"}},
        {"after": {"GAP-Signature": "sha256 %%%"}},
        {"after": {"GAP-Signature": ""}},
    ],
    ids=str,
)
def test_whatever_the_signature_does_not_cover_lets_nobody_in(
    socket: httpx.Client, wrong: dict[str, object]
) -> None:
    answer = ask(socket, "/", **wrong)  # type: ignore[arg-type]
    assert answer.status_code == 401


def test_a_signature_is_for_one_path_method_and_body(socket: httpx.Client) -> None:
    request = socket.build_request("GET", "/find", headers={"X-Forwarded-Email": "ann@example.org"})
    made = signature(request)
    assert ask(socket, "/find", after={"GAP-Signature": made}).status_code == 200
    assert ask(socket, "/devices", after={"GAP-Signature": made}).status_code == 401
    assert ask(socket, "/find?wanted=x", after={"GAP-Signature": made}).status_code == 401
    token = CSRF.search(ask(socket, "/find").text)
    assert token
    fields = {"csrf": token[1], "wanted": "GNO-1"}
    assert ask(socket, "/find", method="POST", data=fields).status_code == 200
    request = socket.build_request(
        "POST", "/find", headers={"X-Forwarded-Email": "ann@example.org"}, data=fields
    )
    other = {**fields, "wanted": "GNO-2"}
    answer = ask(
        socket, "/find", method="POST", data=other, after={"GAP-Signature": signature(request)}
    )
    assert answer.status_code == 401


def test_a_persons_token_is_no_others(socket: httpx.Client) -> None:
    tokens = [
        CSRF.search(ask(socket, "/find", email=one).text)
        for one in ("ann@example.org", "sue@example.org")
    ]
    assert tokens[0]
    assert tokens[1]
    assert tokens[0][1] != tokens[1][1]
    stolen = {"csrf": tokens[0][1], "wanted": "x"}
    answer = ask(socket, "/find", method="POST", data=stolen, email="sue@example.org")
    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("key", "persons"),
    [
        ("", PERSONS),
        ("sha1:a secret of the proxy", PERSONS),
        ("sha256:short", PERSONS),
        (f"sha256:{SECRET}", "[[person]]\nname = 'a'\nroles = ['ADMIN']"),
        (f"sha256:{SECRET}", "[[person]]\nname = 'a'"),
        (f"sha256:{SECRET}", "[[person]]\nname = 'a'\nroles = []"),
        (f"sha256:{SECRET}", "[[person]]\nname = 'a'\nroles = ['DCC']\n" * 2),
        (f"sha256:{SECRET}", "somebody = 1"),
        (f"sha256:{SECRET}", "="),
    ],
)
def test_files_that_cannot_be_meant_are_refused(tmp_path: Path, key: str, persons: str) -> None:
    (tmp_path / "key").write_text(key)
    (tmp_path / "persons").write_text(persons)
    with pytest.raises(ConfigurationError):
        Proxy.read(tmp_path / "key", tmp_path / "persons")
