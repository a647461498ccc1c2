//! DUIS documents and the messages inside them.

use std::fs;

use serde_json::{Value, json};
use slotkeeper_engine::inspect::{duis, read_form};

use super::rtds;

#[test]
fn published_requests_show_their_members() {
    let Some(folder) = rtds::folder() else { return };
    let read = |name: &str| {
        let octets = fs::read(folder.join(format!("duis/{name}_REQUEST_DUIS.XML"))).unwrap();
        serde_json::to_value(duis(&octets, None)).unwrap()
    };

    let handover = read("CS02bNOByNOHandover_6.21_SUCCESS");
    let members = &handover["duis"];
    assert_eq!(members["element"], "RequestHandoverOfDCCControlledDevice");
    assert_eq!(
        members["request_id"],
        "90-B3-D5-1F-30-01-00-00:00-DB-12-34-56-78-90-A3:1001"
    );
    assert_eq!(
        (
            &members["service_reference"],
            &members["service_reference_variant"]
        ),
        (&json!("6.21"), &json!("6.21"))
    );
    assert_eq!(
        (&members["command_variant"], &members["response_code"]),
        (&json!("1"), &Value::Null)
    );
    assert_eq!(members["body"]["RemotePartyFloorSeqNumber"], "0");
    assert!(members["body"]["ReplacementCertificates"]["DigitalSigningCertificate"].is_string());
    assert_eq!(
        (&handover["kind"], &handover["messages"], &handover["error"]),
        (&Value::Null, &json!([]), &Value::Null)
    );

    let update = read("CS02bNOByNO_6.15.1_SUCCESS");
    assert_eq!(update["duis"]["service_reference_variant"], "6.15.1");
    let certificates =
        &update["duis"]["body"]["ReplacementCertificates"]["SupplierOrNetworkOperatorCertificates"];
    assert!(certificates["KeyAgreementCertificate"].is_string());
}

#[test]
fn messages_inside_are_checked() {
    let Some(folder) = rtds::folder() else { return };
    let name = "vectors/CS02bNOByNOHandover_6.21_SUCCESS_RESPONSE_GBCS.HEX";
    let octets = read_form(&fs::read(folder.join(name)).unwrap());
    let payload = base64_simd::STANDARD.encode_to_string(&octets);
    let keystore = rtds::keystore(|_| true).unwrap();
    let report = duis(
        response(&format!("<GBCSPayload>{payload}</GBCSPayload>")).as_bytes(),
        Some(&keystore),
    );
    assert_eq!(report.messages.len(), 1);
    assert_eq!(report.messages[0].signature.unwrap().valid, Some(true));
    assert_eq!(report.duis.unwrap().response_code.as_deref(), Some("I0"));
}

#[test]
fn a_broken_message_inside_is_its_own_error() {
    let report = duis(response("<GBCSPayload>3w==</GBCSPayload>").as_bytes(), None);
    assert!(report.message.error.is_none() && report.duis.is_some());
    assert!(report.messages[0].error.is_some());
}

#[test]
fn repeated_elements_are_a_list() {
    let content = "<Thing><A>1</A><B/><A>2</A></Thing><Thing>x</Thing>";
    let body = format!("<SMETS1ResponseMessage>{content}</SMETS1ResponseMessage>");
    let report = serde_json::to_value(duis(document(&body).as_bytes(), None)).unwrap();
    assert_eq!(
        report["duis"]["body"],
        json!({"Thing": [{"A": ["1", "2"], "B": ""}, "x"]})
    );
}

#[test]
fn what_is_no_document_has_an_error_and_nothing_else() {
    let deep = format!("{}{}", "<A>".repeat(100), "</A>".repeat(100));
    for text in ["", "<a/>", "df09", &document(&deep), &document("")] {
        let mut value = serde_json::to_value(duis(text.as_bytes(), None)).unwrap();
        assert!(value["error"].take().is_string(), "{text}");
        for (name, member) in value.as_object().unwrap() {
            assert!(
                member.is_null() || member.as_array().is_some_and(Vec::is_empty),
                "{name}"
            );
        }
    }
}

fn response(content: &str) -> String {
    document(&format!("<ResponseMessage>{content}</ResponseMessage>"))
}

fn document(body: &str) -> String {
    format!(
        "<Response xmlns='http://www.dccinterface.co.uk/ServiceUserGateway' schemaVersion='5.4'><Header>\
         <ResponseCode>I0</ResponseCode></Header><Body>{body}</Body></Response>"
    )
}
