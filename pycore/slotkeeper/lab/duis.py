"""DUIS 5.4 documents that mean the same as the JSON records.

Signatures of DUIS documents are not made: who sent one is settled before it reaches a stream.
"""

from __future__ import annotations

from base64 import b64decode
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from slotkeeper.lab.envelope import Envelope
from slotkeeper.lab.outcomes import AlertPayload
from slotkeeper.lab.terms import Cra

if TYPE_CHECKING:
    from slotkeeper.lab.events import Event

__all__ = ["request_document", "response_document", "signed_pre_command_document"]

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
    element = (
        f"RequestHandoverOfDCCControlledDevice>{body}</sr:RequestHandoverOfDCCControlledDevice"
    )
    return replace(event, value=_request(value["request_id"], "1", "6.21", element))


def signed_pre_command_document(event: Event) -> Event:
    """Rewrite a signed pre-command (SRV 6.15.1, command variant 5) as an ``sr:Request``.

    Raises:
        TypeError: the event's value is no JSON object.
    """
    value = _object(event)
    element = f"SignedPreCommand>{_payload(value)}</sr:SignedPreCommand"
    return replace(event, value=_request(value["request_id"], "5", "6.15.1", element))


def response_document(event: Event, *, service_reference_variant: str = "6.15.1") -> Event:
    """Rewrite an outcome as an ``sr:Response`` with the device's message in it.

    An Alert stands in a FutureDatedDeviceAlertMessage of its own.

    Raises:
        TypeError: the event's value is no JSON object.
    """
    value = _object(event)
    payload = _payload(value)
    if "gbcs_payload" in value:
        envelope = Envelope.decode(b64decode(value["gbcs_payload"]))
        if envelope.cra is Cra.ALERT:
            code = AlertPayload.decode(envelope.payload).code
            payload = (
                f"<sr:FutureDatedDeviceAlertMessage>{_element('FutureDatedAlertCode', f'{code:X}')}"
                f"{payload}<sr:InstructionNumber>1</sr:InstructionNumber>"
                "<sr:TotalCommandInstructions>1</sr:TotalCommandInstructions>"
                "</sr:FutureDatedDeviceAlertMessage>"
            )
    document = (
        f'<sr:Response xmlns:sr="{_NAMESPACE}" schemaVersion="5.4"><sr:Header>'
        f"{_element('RequestID', value.get('request_id'))}"
        f"{_element('ResponseID', value.get('request_id'))}"
        f"{_element('ResponseCode', value.get('response_code'))}"
        f"{_element('ResponseDateTime', value.get('received_at'))}"
        f"</sr:Header><sr:Body><sr:ResponseMessage>{_reference(service_reference_variant)}"
        f"{payload}</sr:ResponseMessage></sr:Body></sr:Response>"
    )
    return replace(event, value=document)


def _request(request_id: str, command_variant: str, service_variant: str, element: str) -> str:
    return (
        f'<sr:Request xmlns:sr="{_NAMESPACE}" schemaVersion="5.4"><sr:Header>'
        f"{_element('RequestID', request_id)}{_element('CommandVariant', command_variant)}"
        f"{_reference(service_variant)}</sr:Header><sr:Body><sr:{element}></sr:Body></sr:Request>"
    )


def _reference(service_variant: str) -> str:
    """Write both references; ``6.15.1`` is a variant of the service 6.15."""
    service = ".".join(service_variant.split(".")[:2])
    return _element("ServiceReference", service) + _element(
        "ServiceReferenceVariant", service_variant
    )


def _payload(value: dict[str, Any]) -> str:
    return _element("GBCSPayload", value.get("gbcs_payload"))


def _object(event: Event) -> dict[str, Any]:
    if event.value is None or isinstance(event.value, str | bytes):
        raise TypeError("only a JSON record can be rewritten as DUIS")
    return dict(event.value)


def _element(name: str, text: str | None) -> str:
    return "" if text is None else f"<sr:{name}>{escape(text)}</sr:{name}>"
