//! The files of `benchmarks/results`.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

use serde::Serialize;

use crate::figure::Figure;
use crate::machine::Machine;
use crate::picture;
use crate::scale::Curve;

/// Everything one run found.
#[derive(Serialize)]
pub(crate) struct Results {
    pub(crate) machine: Machine,
    pub(crate) figures: Vec<Figure>,
    pub(crate) curves: Vec<Curve>,
}

impl Results {
    /// Writes `results.json`, `results.md` and `scale.svg`.
    pub(crate) fn write(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)?;
        let mut json = serde_json::to_string_pretty(self)?;
        json.push('\n');
        fs::write(folder.join("results.json"), json)?;
        fs::write(folder.join("results.md"), self.markdown())?;
        if !self.curves.is_empty() {
            fs::write(folder.join("scale.svg"), picture::draw(&self.curves))?;
        }
        Ok(())
    }

    pub(crate) fn markdown(&self) -> String {
        let mut text = "# Results of `make bench`\n\n".to_owned();
        for line in self.machine.lines() {
            let _ = writeln!(text, "- {line}");
        }
        text += "- value: the median of repetitions, first and third quartile in parentheses\n";
        let mut section = "";
        for figure in &self.figures {
            if figure.section() != section {
                section = figure.section();
                let _ = writeln!(
                    text,
                    "\n## {section}\n\n| what | value | goal | |\n|---|---|---|---|"
                );
            }
            let _ = writeln!(text, "| {} |", figure.cells().join(" | "));
        }
        if !self.curves.is_empty() {
            text += "\n![Cost of an outcome by the size of the partition](scale.svg)\n";
        }
        text
    }
}
