//! Signed adjustments: who is proven, and everything that proves nothing.

use serde_json::{Value, json};

use crate::support::*;

const ABOVE: u64 = (1 << 62) + 1;

fn host(dual_control: bool) -> Host {
    Host::knowing(&Device::new(GPF), &Person::settings(dual_control))
}

fn raise(number: u64) -> Adjustment {
    Adjustment::new(GPF, "recorded", number).with("by", json!(["Zoe", "Yves"]))
}

fn verdict(host: &mut Host, act: &Act) -> String {
    host.act(GPF, act).decide_one().verdict()
}

#[test]
fn test_d11_as_many_persons_as_it_takes() {
    let [ann, ann_again, bob, carol] = [Person::ANN, Person::ANN_AGAIN, Person::BOB, Person::CAROL];
    for (dual, number, by, expected) in [
        (false, 500, vec![], "DEAD_LETTER MALFORMED"),
        (false, 500, vec![Person::MALLORY], "REJECTED NOT_AUTHORISED"),
        (false, 500, vec![carol], "SEEN ADJUSTED"),
        (true, 500, vec![ann], "REJECTED NOT_AUTHORISED"),
        (true, 500, vec![ann, ann], "REJECTED NOT_AUTHORISED"),
        (true, 500, vec![ann, ann_again], "REJECTED NOT_AUTHORISED"),
        (true, 500, vec![ann, bob], "SEEN ADJUSTED"),
        (false, ABOVE, vec![bob], "REJECTED NOT_AUTHORISED"),
        (
            false,
            ABOVE,
            vec![ann, ann_again, Person::MALLORY],
            "REJECTED NOT_AUTHORISED",
        ),
        (
            false,
            ABOVE,
            vec![Person::MALLORY, bob, carol],
            "SEEN ADJUSTED",
        ),
    ] {
        let mut host = host(dual);
        let names: Vec<_> = by.iter().map(|person| person.name).collect();
        let act = by.into_iter().fold(Act::of(&raise(number)), Act::by);
        let decided = host.act(GPF, &act).decide_one();
        assert_eq!(decided.verdict(), expected, "{number} {names:?}");
        let raised = (expected == "SEEN ADJUSTED").then_some(number);
        assert_eq!(decided.number("recorded_counter"), raised);
    }
}

/// The names in the record are claims; those of the decision are proven.
#[test]
fn test_d11_the_decision_names_who_signed() {
    let mut host = host(true);
    let act = Act::of(&raise(700))
        .by(Person::BOB)
        .by(Person::MALLORY)
        .by(Person::ANN)
        .by(Person::ANN_AGAIN);
    let decided = host.act(GPF, &act).decide_one();
    let adjusted = json!({
        "by": ["Bob", "Ann"], "signed": true, "reason": "a test", "source": null, "kind": "recorded",
        "at_least": "700",
    });
    assert_eq!(decided.0["adjusted"], adjusted);
    let alone = Act::of(&raise(900)).by(Person::MALLORY).by(Person::ANN);
    let decided = host.act(GPF, &alone).decide_one();
    let detail = "two different persons must sign a number: signed by Ann; signature 1 is of a key that no signer has";
    assert_eq!(decided.text("detail"), detail);
}

#[test]
fn signed_where_it_is_asked_for_and_nowhere_else() {
    let mut asked = host(false);
    let decided = asked.adjust(&raise(500)).decide_one();
    assert_eq!(decided.verdict(), "REJECTED NOT_AUTHORISED");
    let mut unasked = Host::knowing(&Device::new(GPF), "");
    let act = Act::of(&raise(500)).by(Person::ANN).by(Person::BOB);
    assert_eq!(verdict(&mut unasked, &act), "REJECTED NOT_AUTHORISED");
}

/// A bad signature counts for nothing, and takes nothing from the good one beside it.
fn assert_ignored(name: &str, act: Act) {
    let refused = verdict(&mut host(false), &act);
    assert_eq!(refused, "REJECTED NOT_AUTHORISED", "{name}");
    let beside = verdict(&mut host(false), &act.by(Person::BOB));
    assert_eq!(beside, "SEEN ADJUSTED", "{name}");
}

/// Each signature verifies under its key, and its header says one thing that it must not.
#[test]
fn a_signature_under_another_header_counts_for_nothing() {
    let [ann, carol] = [Person::ANN, Person::CAROL];
    let own_key = json!({"kty": "OKP", "crv": "Ed25519", "x": base64url(&[9; 32])});
    for (person, name, value) in [
        (ann, "alg", json!("none")),
        (ann, "alg", json!("HS256")),
        (ann, "alg", json!("ES256")),
        (carol, "alg", json!("EdDSA")),
        (ann, "alg", json!("eddsa")),
        (ann, "alg", json!(["EdDSA"])),
        (ann, "kid", json!(Person::BOB.kid())),
        (ann, "kid", json!("Ann")),
        (ann, "kid", json!(null)),
        (ann, "typ", json!("slotkeeper-gno-exit")),
        (ann, "typ", json!("t".repeat(2_000))),
        (ann, "incarnation", json!("7b0c6f6f")),
        (ann, "jwk", own_key),
        (ann, "crit", json!(["exp"])),
        (ann, "b64", json!(false)),
        (ann, "exp", json!(1)),
    ] {
        let mut header = Act::header(person);
        header[name] = value.clone();
        let act = Act::of(&raise(500)).with(person, &header);
        assert_ignored(&format!("{name} {value}"), act);
    }
    for name in ["alg", "typ", "kid", "incarnation"] {
        let mut header = Act::header(ann);
        header.as_object_mut().unwrap().remove(name);
        assert_ignored(name, Act::of(&raise(500)).with(ann, &header));
    }
    let header = Act::header(ann).to_string();
    let twice = header.replacen('{', r#"{"alg":"none","#, 1);
    for text in ["", "[]", "{}", &header[1..], &twice] {
        assert_ignored(text, Act::of(&raise(500)).with_text(ann, text));
    }
}

#[test]
fn what_is_no_signature_counts_for_nothing() {
    let by = |person| Act::of(&raise(500)).by(person);
    for person in [Person::ANN, Person::CAROL] {
        for octets in [&[][..], &[7; 63], &[7; 64], &[7; 65], &[0; 64], &[0xff; 64]] {
            let text = base64url(octets);
            let act = by(person).but(|one| one["signature"] = json!(text));
            assert_ignored(&text, act);
        }
        assert_ignored("loose bits", by(person).but(loosen));
        for (member, more) in [
            ("signature", "=="),
            ("signature", "\n"),
            ("protected", "="),
            ("protected", "AAAA"),
        ] {
            let act = by(person).but(|one| append(&mut one[member], more));
            assert_ignored(&format!("{member} {more}"), act);
        }
        let open = by(person).but(|one| one["header"] = json!({"kid": "x"}));
        assert_ignored("a header in the open", open);
        let mut of_another = Act::of(&raise(501)).by(person);
        let mut act = Act::of(&raise(500));
        act.signatures.append(&mut of_another.signatures);
        assert_ignored("of another act", act);
    }
}

fn append(text: &mut Value, more: &str) {
    *text = json!(format!("{}{more}", text.as_str().unwrap()));
}

/// Sets a bit of the last character that no octet takes.
fn loosen(one: &mut Value) {
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let text = one["signature"].as_str().unwrap();
    let (rest, last) = text.split_at(text.len() - 1);
    let place = alphabet.find(last).unwrap();
    one["signature"] = json!(format!("{rest}{}", &alphabet[place + 1..place + 2]));
}

/// ECDSA's other signature, and `S + L` of Ed25519.
#[test]
fn another_form_of_a_signature_is_no_other_person() {
    let mut host = host(true);
    let carol = Act::of(&raise(500)).by(Person::CAROL);
    let negated = |one: &mut Value| {
        let mut octets = base64_simd::URL_SAFE_NO_PAD
            .decode_to_vec(one["signature"].as_str().unwrap())
            .unwrap();
        let mut borrow = 0;
        for place in (0..32).rev() {
            let rest = i16::from(P256_ORDER[place]) - i16::from(octets[32 + place]) - borrow;
            borrow = i16::from(rest < 0);
            octets[32 + place] = u8::try_from(rest.rem_euclid(256)).unwrap();
        }
        one["signature"] = json!(base64url(&octets));
    };
    let other = carol.but(negated);
    let mut both = other;
    let again = Act::of(&raise(500)).by(Person::CAROL);
    both.signatures.extend(again.signatures);
    let decided = host.act(GPF, &both).decide_one();
    assert_eq!(decided.verdict(), "REJECTED NOT_AUTHORISED");
    // Both hold: either is Carol's.
    assert!(
        decided.text("detail").ends_with("signed by Carol"),
        "{decided:?}"
    );
    assert_eq!(verdict(&mut host, &both.by(Person::BOB)), "SEEN ADJUSTED");
}

/// FIPS 186-4, D.1.2.3: the order of P-256.
const P256_ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6,
    0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

#[test]
fn what_is_no_act_is_a_dead_letter() {
    let payload = raise(500).json.to_string();
    let twice = payload.replacen('{', r#"{"at_least":"1","#, 1);
    let deep = payload.replacen('{', r#"{"more":{"a":[{"b":1,"b":2}]},"#, 1);
    let good = Act::of(&raise(500)).by(Person::ANN);
    let text = good.json().to_string();
    let signature = &good.signatures[0];
    let seventeen = vec![signature.clone(); 17];
    let flattened = json!({
        "payload": good.json()["payload"], "protected": signature["protected"], "signature": signature["signature"],
    });
    for value in [
        Act::saying(&twice).by(Person::ANN).json().to_string(),
        Act::saying(&deep).by(Person::ANN).json().to_string(),
        Act::saying("").by(Person::ANN).json().to_string(),
        Act::saying([0xff]).by(Person::ANN).json().to_string(),
        Act::saying(payload.replace("recorded", "lowered"))
            .by(Person::ANN)
            .json()
            .to_string(),
        // Nothing to sign, nobody who did, too many who did.
        json!({"signatures": [signature]}).to_string(),
        json!({"payload": null, "signatures": [signature]}).to_string(),
        json!({"payload": "", "signatures": [signature]}).to_string(),
        json!({"payload": good.json()["payload"]}).to_string(),
        json!({"payload": good.json()["payload"], "signatures": []}).to_string(),
        json!({"payload": good.json()["payload"], "signatures": seventeen}).to_string(),
        json!({"payload": good.json()["payload"], "signatures": [{"protected": "e30"}]})
            .to_string(),
        json!({"payload": base64(payload.as_bytes()) + "=", "signatures": [signature]}).to_string(),
        // Of an act in another form, and of an act and a plain record in one.
        flattened.to_string(),
        text.replacen('{', r#"{"payload":"e30","#, 1),
        text.replacen('{', r#"{"more":1,"more":2,"#, 1),
        format!("{text}{text}"),
    ] {
        let mut host = host(false);
        let record = Some(value.clone().into_bytes());
        let decided = host.publish(Stream::Adjustments, GPF, record).decide_one();
        assert_eq!(decided.verdict(), "DEAD_LETTER MALFORMED", "{value}");
    }
    let most = json!({"payload": good.json()["payload"], "signatures": vec![signature.clone(); 16], "more": 1});
    let mut host = host(false);
    host.publish(
        Stream::Adjustments,
        GPF,
        Some(most.to_string().into_bytes()),
    );
    assert_eq!(host.decide_one().verdict(), "SEEN ADJUSTED");
}

#[test]
fn an_act_is_about_its_device_and_once() {
    let mut host = host(true);
    let act = Act::of(&raise(500)).by(Person::ANN).by(Person::CAROL);
    let decided = host.act(GPF + 1, &act).decide_one();
    assert_eq!(decided.verdict(), "REJECTED WRONG_DEVICE");
    assert_eq!(verdict(&mut host, &act), "SEEN ADJUSTED");
    host.restart();
    assert_eq!(verdict(&mut host, &act), "SEEN NO_CHANGE");
}

/// What was signed before an acknowledgement still raises; it does not tell what was lost since.
#[test]
fn test_d12_two_persons_who_look_at_it_now_mend() {
    let ended = |host: &mut Host| {
        let names = ["0000", INCARNATION].map(str::to_owned).to_vec();
        host.engine.set_incarnations(names);
    };
    let looked_up = Adjustment::new(GPF, "issued", 1_200);
    let damaged = || {
        let mut host = host(false);
        host.adjust(&looked_up).decide();
        host.act(GPF, &Act::of(&raise(1_000)).by(Person::ANN))
            .decide();
        for value in host.store.values_mut() {
            *value.last_mut().unwrap() ^= 1;
        }
        host.restart();
        host
    };
    let request = Request::new(GPF, 1).hint(1);
    let [one, two] = [
        Act::of(&looked_up).by(Person::ANN),
        Act::of(&looked_up).by(Person::ANN).by(Person::BOB),
    ];
    for (act, before, verdict) in [
        (&one, false, "REFUSED NO_EVIDENCE"),
        (&two, false, "ISSUED ISSUED_EXCEEDED"),
        (&two, true, "REFUSED NO_EVIDENCE"),
    ] {
        let mut host = damaged();
        if before {
            ended(&mut host);
        }
        let decided = host.act(GPF, act).decide_one();
        assert_eq!(decided.verdict(), "SEEN ADJUSTED", "{verdict}");
        assert_eq!(host.request(&request).decide_one().verdict(), verdict);
    }
}

/// What two persons signed for the first damage knows nothing of what was issued up to the second.
#[test]
fn test_d12_an_act_that_mended_once_does_not_mend_again() {
    let mut host = host(false);
    let raised = Act::of(&raise(1_000)).by(Person::ANN);
    host.act(GPF, &raised).decide();
    let key = Eui64::from_u64(GPF).canonical().to_vec();
    let damage = |host: &mut Host| {
        *host.store.get_mut(&key).unwrap().last_mut().unwrap() ^= 1;
        host.restart();
        host.decide();
        host.engine.device(Eui64::from_u64(GPF)).unwrap().version
    };
    let looked_up = |number: u64, version: u32| {
        let adjustment = Adjustment::new(GPF, "issued", number).with("mends", version.to_string());
        Act::of(&adjustment).by(Person::ANN).by(Person::BOB)
    };
    let asked = |host: &mut Host, number| {
        let request = Request::new(GPF, number).hint(1);
        host.request(&request).decide_one().verdict()
    };
    let version = damage(&mut host);
    let act = looked_up(1_200, version);
    for (wrong, number) in [(version + 1, 1), (version - (1 << 24), 2), (0, 3)] {
        host.act(GPF, &looked_up(1_200, wrong)).decide();
        let verdict = asked(&mut host, number);
        assert_eq!(verdict, "REFUSED NO_EVIDENCE", "{wrong}");
    }
    host.act(GPF, &act).decide();
    assert_eq!(asked(&mut host, 4), "ISSUED ISSUED_EXCEEDED");
    let version = damage(&mut host);
    let decided = host.act(GPF, &act).decide_one();
    assert!(
        decided.text("detail").contains("this damage"),
        "{decided:?}"
    );
    assert_eq!(asked(&mut host, 5), "REFUSED NO_EVIDENCE");
    host.act(GPF, &looked_up(1_201, version)).decide();
    assert_eq!(asked(&mut host, 6), "ISSUED ISSUED_EXCEEDED");
}

#[test]
fn a_store_without_a_name_takes_no_act() {
    let mut host = host(false);
    let act = Act::of(&raise(500)).by(Person::ANN);
    host.engine.set_incarnations(Vec::new());
    assert_eq!(verdict(&mut host, &act), "REJECTED NOT_AUTHORISED");
}
