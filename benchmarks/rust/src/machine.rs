//! Where and of what the figures were measured. No host name and no path.

use std::fs;
use std::process::Command;

use serde::Serialize;

/// What a reader needs to compare figures of two runs.
#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    processor: String,
    /// Those that this program may run on.
    cores: String,
    memory_gib: u64,
    system: String,
    /// Running processes averaged over a minute, at the start: what else the machine did.
    load_before: String,
    rustc: String,
    aws_lc_rs: String,
    slotkeeper: &'static str,
    commit: String,
    /// Whether sources that are measured differ from the commit.
    modified: bool,
    date: String,
}

impl Machine {
    pub(crate) fn describe() -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let status = read("/proc/self/status");
        let memory_kib: u64 = field(&read("/proc/meminfo"), "MemTotal:")
            .trim_end_matches(" kB")
            .parse()
            .unwrap_or(0);
        Self {
            processor: field(&read("/proc/cpuinfo"), "model name")
                .trim_start_matches([':', ' ', '\t'])
                .to_owned(),
            cores: field(&status, "Cpus_allowed_list:"),
            memory_gib: memory_kib >> 20,
            system: output("uname", &["-sr"]),
            load_before: read("/proc/loadavg")
                .split(' ')
                .next()
                .unwrap_or_default()
                .to_owned(),
            rustc: output("rustc", &["--version"]),
            aws_lc_rs: locked("aws-lc-rs"),
            slotkeeper: env!("CARGO_PKG_VERSION"),
            commit: output("git", &["rev-parse", "--short=12", "HEAD"]),
            modified: !output(
                "git",
                &["status", "--porcelain", "--", "rust/*/src", "Cargo.lock"],
            )
            .is_empty(),
            date: output("date", &["-u", "+%Y-%m-%dT%H:%M:%SZ"]),
        }
    }

    /// Lines for people.
    pub(crate) fn lines(&self) -> Vec<String> {
        let modified = if self.modified { ", modified" } else { "" };
        vec![
            format!(
                "{} (cores {}), {} GiB, {}",
                self.processor, self.cores, self.memory_gib, self.system
            ),
            format!("{}, aws-lc-rs {}", self.rustc, self.aws_lc_rs),
            format!(
                "Slotkeeper {}, commit {}{modified}",
                self.slotkeeper, self.commit
            ),
            format!(
                "{}, load average {} at the start",
                self.date, self.load_before
            ),
        ]
    }
}

fn field(text: &str, name: &str) -> String {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap_or_default().trim().to_owned()
}

fn output(program: &str, arguments: &[&str]) -> String {
    Command::new(program)
        .args(arguments)
        .output()
        .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
        .unwrap_or_default()
}

/// The version that `Cargo.lock` gives a package; the program runs in the root of the checkout.
fn locked(package: &str) -> String {
    let lock = fs::read_to_string("Cargo.lock").unwrap_or_default();
    let mut lines = lock.lines();
    lines.find(|line| *line == format!("name = \"{package}\""));
    lines
        .next()
        .and_then(|line| line.strip_prefix("version = "))
        .unwrap_or_default()
        .trim_matches('"')
        .to_owned()
}
