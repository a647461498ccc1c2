"""DUIS 5.4 documents that mean the same as the JSON records.

Signatures of DUIS documents are not made: who sent one is settled before it reaches a stream.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from slotkeeper.lab.events import Event

__all__ = ["request_document", "response_document"]

# Namespace of the DCC's Service User Gateway schema.
_NAMESPACE = "http://www.dccinterface.co.uk/ServiceUserGateway"


def request_document(event: Event) -> Event:
    """Rewrite a handover request as an ``sr:Request``; the hint has no place there.

    Raises:
        TypeError: the event's value is no JSON object.
    """
    value = _object(event)
    certificates = value["replacement_certificates"]
    body = "".join(
        (
            _element("ExecutionDateTime", value["execution_date_time"]),
            _element("RemotePartyRole", value["remote_party_role"]),
            _element("RemotePartyFloorSeqNumber", value["remote_party_floor_seq_number"]),
            "<sr:ReplacementCertificates>",
            _element("DigitalSigningCertificate", certificates["digital_signing"]),
            _element("KeyAgreementCertificate", certificates["key_agreement"]),
            _element("KeyAgreementTopUpCertificate", certificates["key_agreement_top_up"]),
            "</sr:ReplacementCertificates><sr:CertificationPathCertificates>",
            *(_element("Certificate", one) for one in value["certification_path_certificates"]),
            "</sr:CertificationPathCertificates>",
            _element("ApplyTimeBasedCPVChecks", str(value["apply_time_based_cpv_checks"]).lower()),
        )
    )
    document = (
        f'<sr:Request xmlns:sr="{_NAMESPACE}" schemaVersion="5.4"><sr:Header>'
        f"{_element('RequestID', value['request_id'])}"
        "<sr:CommandVariant>1</sr:CommandVariant>"
        "<sr:ServiceReference>6.21</sr:ServiceReference>"
        "<sr:ServiceReferenceVariant>6.21</sr:ServiceReferenceVariant></sr:Header><sr:Body>"
        f"<sr:RequestHandoverOfDCCControlledDevice>{body}"
        "</sr:RequestHandoverOfDCCControlledDevice></sr:Body></sr:Request>"
    )
    return replace(event, value=document)


def response_document(event: Event, *, service_reference_variant: str = "6.15.1") -> Event:
    """Rewrite an outcome as an ``sr:Response`` with the device's message in it.

    Raises:
        TypeError: the event's value is no JSON object.
    """
    value = _object(event)
    reference = ".".join(service_reference_variant.split(".")[:2])
    body = "".join(
        (
            "<sr:ResponseMessage>",
            _element("ServiceReference", reference),
            _element("ServiceReferenceVariant", service_reference_variant),
            _element("GBCSPayload", value.get("gbcs_payload")),
            "</sr:ResponseMessage>",
        )
    )
    document = (
        f'<sr:Response xmlns:sr="{_NAMESPACE}" schemaVersion="5.4"><sr:Header>'
        f"{_element('RequestID', value.get('request_id'))}"
        f"{_element('ResponseID', value.get('request_id'))}"
        f"{_element('ResponseCode', value.get('response_code'))}"
        f"{_element('ResponseDateTime', value.get('received_at'))}"
        f"</sr:Header><sr:Body>{body}</sr:Body></sr:Response>"
    )
    return replace(event, value=document)


def _object(event: Event) -> dict[str, Any]:
    if event.value is None or isinstance(event.value, str | bytes):
        raise TypeError("only a JSON record can be rewritten as DUIS")
    return dict(event.value)


def _element(name: str, text: str | None) -> str:
    return "" if text is None else f"<sr:{name}>{escape(text)}</sr:{name}>"
