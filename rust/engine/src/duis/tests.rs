use std::path::PathBuf;

use proptest::prelude::*;

use super::*;

#[test]
fn a_handover_request_is_read_whole() {
    let Document {
        element,
        request_id,
        body,
        ..
    } = parse(request(HANDOVER).as_bytes()).unwrap();
    assert_eq!(element, "RequestHandoverOfDCCControlledDevice");
    assert_eq!(
        request_id.as_deref(),
        Some("90-B3-D5-1F-30-01-00-00:00-DB-12-34-56-78-90-A3:1001")
    );
    let expected = HandoverRequest {
        remote_party_role: "NetworkOperator".to_owned(),
        floor: Some("0".to_owned()),
        top_up_floor: None,
        digital_signing: b"ds".to_vec(),
        key_agreement: Some(b"ka".to_vec()),
        key_agreement_top_up: None,
        path: vec![b"z1".to_vec(), b"za".to_vec()],
        apply_time_based_cpv_checks: false,
        execution_date_time: Some("2030-01-15T00:00:00.00Z".to_owned()),
    };
    assert_eq!(body, Body::Handover(expected));
}

#[test]
fn prefix_comments_and_white_space_do_not_matter() {
    let plain = parse(request(HANDOVER).as_bytes()).unwrap();
    let other_prefix = request(HANDOVER)
        .replace("sr:", "x:")
        .replace("xmlns:sr", "xmlns:x");
    let no_prefix = request(HANDOVER)
        .replace("sr:", "")
        .replace("xmlns:sr", "xmlns");
    let commented = request(HANDOVER).replace("NetworkOperator", "Network<!-- -->Operator");
    let wrapped = request(HANDOVER).replace("ZHM=", "\n  ZH\tM=\r\n");
    let entity = request(HANDOVER).replace("NetworkOperator", "&#78;etwork<![CDATA[Operator]]>");
    let with_mark = format!("\u{feff}\n{}", request(HANDOVER));
    for text in [
        other_prefix,
        no_prefix,
        commented,
        wrapped,
        entity,
        with_mark,
    ] {
        assert_eq!(parse(text.as_bytes()).unwrap(), plain, "{text}");
    }
}

/// The certificates of an operator's own slot may be any of the three.
#[test]
fn an_update_may_leave_out_certificates() {
    let body = "<sr:UpdateSecurityCredentialsKRP><sr:RemotePartyRole>NetworkOperator</sr:RemotePartyRole>\
        <sr:ReplacementCertificates><sr:SupplierOrNetworkOperatorCertificates>\
        <sr:KeyAgreementCertificate>a2E=</sr:KeyAgreementCertificate>\
        </sr:SupplierOrNetworkOperatorCertificates></sr:ReplacementCertificates>\
        <sr:CertificationPathCertificates><sr:Certificate>ejE=</sr:Certificate>\
        </sr:CertificationPathCertificates></sr:UpdateSecurityCredentialsKRP>";
    let document = parse(request(body).as_bytes()).unwrap();
    let Body::UpdateCredentials(update) = document.body else {
        panic!("{:?}", document.body)
    };
    assert_eq!(
        (update.digital_signing, update.key_agreement),
        (None, Some(b"ka".to_vec()))
    );
    assert!(update.apply_time_based_cpv_checks);
}

#[test]
fn every_kind_of_response_gives_its_message() {
    let payload = "<sr:GBCSPayload>3w==</sr:GBCSPayload>";
    let message =
        |content: &str| format!("<sr:ResponseMessage>{SERVICE}{content}</sr:ResponseMessage>");
    for (body, expected) in [
        (message(payload), Some(&[0xdf][..])),
        (
            message(&format!(
                "<sr:PreCommand><sr:GBCSVersion>4.3</sr:GBCSVersion>{payload}</sr:PreCommand>"
            )),
            Some(&[0xdf]),
        ),
        (
            message(&format!(
                "<sr:FutureDatedDeviceAlertMessage>{payload}</sr:FutureDatedDeviceAlertMessage>"
            )),
            Some(&[0xdf]),
        ),
        (
            format!(
                "<sr:DeviceAlertMessage><sr:AlertCode>8F66</sr:AlertCode>{payload}</sr:DeviceAlertMessage>"
            ),
            Some(&[0xdf]),
        ),
        (message(""), None),
        (message("<sr:DSPScheduleID>1</sr:DSPScheduleID>"), None),
        ("<sr:DCCAlertMessage/>".to_owned(), None),
    ] {
        let document = parse(response(&body).as_bytes()).unwrap();
        assert_eq!(document.gbcs_payload(), expected, "{body}");
        assert_eq!(document.response_code.as_deref(), Some("I0"));
        if body.contains(SERVICE) {
            assert_eq!(
                document.service_reference_variant.as_deref(),
                Some("6.15.1")
            );
        }
    }

    let signed = format!("<sr:SignedPreCommand>{payload}</sr:SignedPreCommand>");
    assert_eq!(
        parse(request(&signed).as_bytes()).unwrap().gbcs_payload(),
        Some(&[0xdf][..])
    );
}

#[test]
fn errors_say_what_and_where() {
    let role = "<sr:RemotePartyRole>NetworkOperator</sr:RemotePartyRole>";
    for (text, part) in [
        (
            request(HANDOVER).replace(role, ""),
            "RequestHandoverOfDCCControlledDevice has no RemotePartyRole",
        ),
        (
            request(HANDOVER).replace(role, &role.repeat(2)),
            "RemotePartyRole is repeated",
        ),
        (
            request(HANDOVER).replace("ZHM=", "ZHM"),
            "DigitalSigningCertificate is not base64",
        ),
        (
            request(HANDOVER).replace("ZHM=", "<a/>"),
            "a stands where only text may be",
        ),
        (
            request(HANDOVER).replace(">false<", ">no<"),
            "ApplyTimeBasedCPVChecks is neither true nor false",
        ),
        (
            request(HANDOVER).replace("DigitalSigning", "Other"),
            "has no DigitalSigningCertificate",
        ),
        (request(""), "Body is empty"),
        (
            request("<sr:a/><sr:b/>"),
            "b is one element too many in Body",
        ),
        (
            request(HANDOVER).replace("ServiceUserGateway", "Elsewhere"),
            "neither Request nor Response of the DUIS",
        ),
        (
            "<Request/>".to_owned(),
            "line 1, column 1: Request is neither",
        ),
        (
            response("<sr:ResponseMessage><sr:PreCommand/></sr:ResponseMessage>"),
            "PreCommand has no GBCSPayload",
        ),
    ] {
        let error = parse(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(part), "{error}\n{text}");
    }
    let second_line = request(HANDOVER)
        .replace("<sr:Body>", "\n <sr:Body>")
        .replace("ZHM=", "?");
    assert!(
        parse(second_line.as_bytes())
            .unwrap_err()
            .to_string()
            .starts_with("line 2, column ")
    );
}

/// What other readers of XML have been brought down by.
#[test]
fn hostile_documents_are_refused() {
    let with_entity = format!(
        "<!DOCTYPE r [<!ENTITY e 'NetworkOperator'>]>{}",
        request(HANDOVER)
    );
    let external = format!(
        "<!DOCTYPE r SYSTEM 'file:///etc/passwd'>{}",
        request(HANDOVER)
    );
    let deep = "<a>".repeat(20_000);
    let deep_closed = format!("{}{}", "<a>".repeat(9_000), "</a>".repeat(9_000));
    let wide = request(&"<sr:a/>".repeat(9_000));
    let namespaces = "<a xmlns:b='c'>".repeat(4_000);
    let attributes = (0..6_000).fold(String::new(), |all, n| all + &format!(" a{n}=''"));
    for (text, part) in [
        (with_entity, "DTD"),
        (external, "DTD"),
        (deep, "nodes limit"),
        (deep_closed, "nodes limit"),
        (wide, "nodes limit"),
        (namespaces, "namespace declarations"),
        (format!("<a{attributes}/>"), "attributes of one element"),
        (
            format!("<a b='>'{attributes}/>"),
            "attributes of one element",
        ),
        (
            format!("<a{}/>", attributes.replace('=', " =\n")),
            "attributes of one element",
        ),
        (
            format!("<a>{}</a>", "<b c='' d=\"\" e='x=y'>f = g</b>".repeat(900)),
            "neither Request nor Response",
        ),
        (" ".repeat(100_000), "more than the 65536"),
        (format!("<{0}></{0}x>", "n".repeat(9_000)), "expected 'nnnn"),
        (format!("<{}/>", "n".repeat(9_000)), "nnnn is neither"),
        ("&undeclared;".to_owned(), "not XML"),
        (String::new(), "not XML"),
    ] {
        let error = parse(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
        assert!(error.len() < 300, "an error of {} characters", error.len());
    }
    assert!(
        parse(b"<a>\xff</a>")
            .unwrap_err()
            .to_string()
            .contains("octet 3 is not UTF-8")
    );
}

#[test]
fn dccs_templates_are_read() {
    let Some(folder) = rtds("duis") else { return };
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "XML") {
            let document = parse(&std::fs::read(&path).unwrap()).unwrap();
            assert!(document.request_id.is_some() && document.response_id.is_none());
            assert_ne!(document.body, Body::Other, "{}", path.display());
            count += 1;
        }
    }
    assert_eq!(count, 3);
}

proptest! {
    #[test]
    fn damaged_documents_are_errors_and_no_more(at in 0_usize..1_200, octet: u8, cut in 0_usize..1_200) {
        let mut octets = request(HANDOVER).into_bytes();
        let length = octets.len();
        octets[at % length] = octet;
        let _ = parse(&octets);
        let _ = parse(&octets[..cut % length]);
    }

    #[test]
    fn arbitrary_text_is_an_error(text in ".{0,200}") {
        prop_assert!(parse(text.as_bytes()).is_err());
    }
}

fn request(body: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><sr:Request \
         xmlns:sr=\"http://www.dccinterface.co.uk/ServiceUserGateway\" schemaVersion=\"5.4\"><sr:Header>\
         <sr:RequestID>90-B3-D5-1F-30-01-00-00:00-DB-12-34-56-78-90-A3:1001</sr:RequestID>\
         <sr:CommandVariant>1</sr:CommandVariant>{SERVICE}</sr:Header><sr:Body>{body}</sr:Body></sr:Request>"
    )
}

fn response(body: &str) -> String {
    format!(
        "<sr:Response xmlns:sr=\"http://www.dccinterface.co.uk/ServiceUserGateway\" schemaVersion=\"5.4\"><sr:Header>\
         <sr:ResponseCode>I0</sr:ResponseCode></sr:Header><sr:Body>{body}</sr:Body></sr:Response>"
    )
}

/// A folder of the RTDS vectors; `None`, and a word on standard error, where they are absent.
fn rtds(folder: &str) -> Option<PathBuf> {
    let root = std::env::var_os("SLOTKEEPER_RTDS").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/rtds"),
        PathBuf::from,
    );
    if root.is_dir() {
        return Some(root.join(folder));
    }
    eprintln!("skipped: no RTDS vectors (SLOTKEEPER_RTDS names their folder)");
    None
}

const SERVICE: &str = "<sr:ServiceReference>6.15</sr:ServiceReference>\
    <sr:ServiceReferenceVariant>6.15.1</sr:ServiceReferenceVariant>";

const HANDOVER: &str = "<sr:RequestHandoverOfDCCControlledDevice>\
    <sr:ExecutionDateTime>2030-01-15T00:00:00.00Z</sr:ExecutionDateTime>\
    <sr:RemotePartyRole>NetworkOperator</sr:RemotePartyRole>\
    <sr:RemotePartyFloorSeqNumber> 0 </sr:RemotePartyFloorSeqNumber>\
    <sr:ReplacementCertificates>\
    <sr:DigitalSigningCertificate>ZHM=</sr:DigitalSigningCertificate>\
    <sr:KeyAgreementCertificate>a2E=</sr:KeyAgreementCertificate>\
    </sr:ReplacementCertificates>\
    <sr:CertificationPathCertificates>\
    <sr:Certificate>ejE=</sr:Certificate><sr:Certificate>emE=</sr:Certificate>\
    </sr:CertificationPathCertificates>\
    <sr:ApplyTimeBasedCPVChecks>false</sr:ApplyTimeBasedCPVChecks>\
    </sr:RequestHandoverOfDCCControlledDevice>";
