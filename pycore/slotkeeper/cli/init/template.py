"""The text of a new ``slotkeeper.toml``: what is usually set, each with a comment.

`docs/configuration.md` has every key. A test reads the text back and compares what is commented out
with the defaults.
"""

from dataclasses import dataclass

_SQLITE = """\
# Where the streams are: a file that makes itself. `slotkeeper init --kafka` writes the other kind.
streams = "sqlite:///slotkeeper.db"
"""

_KAFKA = """\
# Where the streams are: any brokers of the cluster. `slotkeeper streams create` makes the topics.
streams = "kafka://localhost:9092"
"""

_ACB = """
# The Access Control Broker: its EUI-64, and its certificates, newest first. What they must have,
# and how to make a pair for tests, stands in docs/certificates.md.
[acb]
id = "{id}"

[[acb.digital_signature]]
certificate = "{ds}.pem"
key = "{ds}.key"               # PEM, PKCS#8 or SEC1, readable by this account alone

[[acb.key_agreement]]
certificate = "{ka}.pem"
key = "{ka}.key"

# A retired certificate that still stands in slots: without a key.
# [[acb.digital_signature]]
# certificate = "acb-ds-2024.pem"
"""

_VERIFY = """
[verify]
# Who issues certificates of devices and organisations. Without them an invented authority is
# believed, decisions carry the flag UNANCHORED, and `check-config` warns.
issuing_certificates = [{issuing}]
# device_signatures = "if-known"       # "require", "off"

[parties]
# A file with the EUI-64 of one network operator a line. Without it anybody but the ACB is one.
# network_operators = "operators.txt"

[counter]
# source = "clock-ms"                  # or "sequence": the number where a request proposes none
# ceiling = "4611686018427387904"      # 2^62; nothing unproven is believed above it
# absent_floor = "auto"                # "omit", "zero", "refuse"
# without_evidence = "issue"           # "refuse"

[adjustments]
# signers = "signers.toml"             # who may raise a number; without it names are claims
# dual_control = false
"""

_SQLITE_MORE = """
[sqlite]
# A file on another disk, by which a restored older copy is noticed.
# witness = "/mnt/other/slotkeeper.witness"
"""

_KAFKA_MORE = """
[kafka]
application = "slotkeeper"             # consumer group; the changelog remembers it
# Files outside the cluster, by which a restored older cluster is noticed.
# witness = "/var/lib/slotkeeper/witness"
# security_protocol = "SASL_SSL"       # and every other option by aiokafka's own name
# ssl_cafile = "ca.pem"
# sasl_mechanism = "SCRAM-SHA-512"
# sasl_plain_username = "slotkeeper"   # the password: SLOTKEEPER_KAFKA__SASL_PLAIN_PASSWORD
"""

_REST = """
[snapshot]
# directory = "snapshots"              # shortens a start

[http]
# listen = "127.0.0.1:9464"            # /livez, /readyz, /metrics
"""


@dataclass(frozen=True, slots=True)
class Acb:
    """What the text says of the ACB.

    Attributes:
        id: Its EUI-64.
        ds: Name of the files for signatures, without their ending.
        ka: The same for key agreement.
        issuing: Certificates of those who issue, paths.
    """

    id: str = ""
    ds: str = "acb-ds"
    ka: str = "acb-ka"
    issuing: tuple[str, ...] = ()


def configuration(acb: Acb, *, kafka: bool) -> str:
    """Give the text."""
    issuing = ", ".join(f'"{path}"' for path in acb.issuing)
    return "".join(
        (
            _KAFKA if kafka else _SQLITE,
            _ACB.format(id=acb.id, ds=acb.ds, ka=acb.ka),
            _VERIFY.format(issuing=issuing),
            _KAFKA_MORE if kafka else _SQLITE_MORE,
            _REST,
        )
    )
