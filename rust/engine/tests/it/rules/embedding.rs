//! The example of a Rust host, killed after each of its steps.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::*;

#[test]
fn test_d01_d02_d03_a_host_may_be_killed_between_any_two_steps() {
    let program = built();
    let inbox = inbox();
    let undisturbed = folder(&inbox);
    let told = run(&program, undisturbed.path(), None).unwrap();
    let expected = committed(undisturbed.path());
    assert_eq!(expected.verdicts.len(), 7);
    assert_eq!(expected.numbers, [1_201, 1_202, 1_203]);
    let steps: usize = told.split(' ').rev().nth(1).unwrap().parse().unwrap();
    assert!(steps > 15, "{told}");

    let every_time = folder(&inbox);
    for step in 1..=steps {
        let once = folder(&inbox);
        assert_eq!(run(&program, once.path(), Some(step)), None);
        run(&program, once.path(), None).unwrap();
        assert_eq!(committed(once.path()), expected, "killed after step {step}");
        // And one store that is never left in peace.
        run(&program, every_time.path(), Some(step.min(6)));
    }
    run(&program, every_time.path(), None).unwrap();
    assert_eq!(committed(every_time.path()), expected);
}

#[test]
fn test_d04_a_store_damaged_before_its_end_is_refused() {
    let program = built();
    let folder = folder(&inbox());
    run(&program, folder.path(), None).unwrap();
    let log = folder.path().join("store.log");
    let mut octets = fs::read(&log).unwrap();
    octets[100] ^= 1;
    fs::write(&log, octets).unwrap();
    assert_eq!(run(&program, folder.path(), None), None);
}

/// Builds the example beside this very test.
fn built() -> PathBuf {
    let target = env::current_exe()
        .unwrap()
        .ancestors()
        .nth(3)
        .unwrap()
        .to_owned();
    let status = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--example", "embed"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .arg("--target-dir")
        .arg(&target)
        .status()
        .unwrap();
    assert!(status.success());
    target.join("debug/examples/embed")
}

/// What it printed last; `None` where it did not end well.
fn run(program: &Path, folder: &Path, kill_at: Option<usize>) -> Option<String> {
    let mut command = Command::new(program);
    command
        .arg(folder)
        .arg(Eui64::from_u64(ACB_ID).to_string())
        .arg(NOW_MS.to_string());
    if let Some(step) = kill_at {
        command.args(["--kill-at", &step.to_string()]);
    }
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    output
        .status
        .success()
        .then(|| text.lines().last().unwrap().to_owned())
}

fn folder(inbox: &[Value]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (identity, name) in [(&ACB[0].ds, "acb-ds"), (&ACB[0].ka, "acb-ka")] {
        identity.write_certificate(folder.path(), name);
        identity.write_key(folder.path(), name);
    }
    let lines: Vec<_> = inbox.iter().map(Value::to_string).collect();
    fs::write(folder.path().join("inbox.jsonl"), lines.join("\n")).unwrap();
    folder
}

/// A device, what it was told, and what is asked for; once more from the beginning, and a parked one.
fn inbox() -> Vec<Value> {
    let (device, later) = (Device::new(GPF), Device::new(GPF + 1));
    let event = |stream: Stream, eui: u64, value: Value| json!({"stream": stream.name(), "key": Eui64::from_u64(eui).to_string(), "value": value});
    let record = |device: &Device| serde_json::from_slice(&device.record()).unwrap();
    let outcome = |device: &Device| {
        let told = Told::new(device.eui, gno(), 1_200, Cell::both(gno(), &ACB[0]));
        json!({"gbcs_payload": base64(&told.response(Some(&device.ds)))})
    };
    let asked = |number| Request::new(GPF, number).hint(1).json;
    let requests = Stream::HandoverRequests;
    vec![
        event(Stream::Inventory, GPF, record(&device)),
        event(Stream::UpdateOutcomes, GPF + 1, outcome(&later)),
        event(Stream::UpdateOutcomes, GPF, outcome(&device)),
        event(requests, GPF, asked(1)),
        event(requests, GPF, asked(2)),
        event(requests, GPF, asked(1)),
        event(Stream::Inventory, GPF + 1, record(&later)),
        event(requests, GPF, asked(3)),
        event(Stream::Adjustments, GPF, json!({"kind": "unheard of"})),
    ]
}

/// What stands in a store.
#[derive(Debug, Eq, PartialEq)]
struct Committed {
    /// Of each event, in the order of decisions.
    verdicts: BTreeMap<u64, Vec<String>>,
    numbers: Vec<u64>,
}

fn committed(folder: &Path) -> Committed {
    let mut committed = Committed {
        verdicts: BTreeMap::new(),
        numbers: Vec::new(),
    };
    for line in fs::read_to_string(folder.join("store.log"))
        .unwrap()
        .lines()
    {
        let (_, json) = line.split_once(' ').unwrap();
        let transaction: Value = serde_json::from_str(json).unwrap();
        for record in transaction["records"].as_array().unwrap() {
            let text = record["value"].as_str().unwrap_or_default();
            let value = base64_simd::STANDARD.decode_to_vec(text).unwrap();
            if record["stream"] == Stream::Audit.name() {
                let decided = Decided(serde_json::from_slice(&value).unwrap());
                let verdicts = committed
                    .verdicts
                    .entry(decided.0["offset"].as_u64().unwrap());
                verdicts.or_default().push(decided.verdict());
            } else if record["stream"] == Stream::Commands.name() {
                let command: Value = serde_json::from_slice(&value).unwrap();
                let number = command["originator_counter"].as_str().unwrap();
                committed.numbers.push(number.parse().unwrap());
            }
        }
    }
    committed
}
