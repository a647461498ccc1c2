//! One measured figure, and whether it meets its goal.

use serde::Serialize;

use crate::measure::Samples;

/// What a figure must reach.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Goal {
    AtLeast(f64),
    AtMost(f64),
}

/// A figure of the report.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Figure {
    /// The part of the report it stands in.
    section: &'static str,
    what: String,
    value: f64,
    unit: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    goal: Option<Goal>,
    #[serde(skip_serializing_if = "Option::is_none")]
    met: Option<bool>,
    /// First and third quartile of the repetitions.
    #[serde(skip_serializing_if = "Option::is_none")]
    quartiles: Option<[f64; 2]>,
}

impl Figure {
    pub(crate) fn new(
        section: &'static str,
        what: impl Into<String>,
        value: f64,
        unit: &'static str,
    ) -> Self {
        Self {
            section,
            what: what.into(),
            value,
            unit,
            goal: None,
            met: None,
            quartiles: None,
        }
    }

    /// The median of repetitions.
    pub(crate) fn median(
        section: &'static str,
        what: impl Into<String>,
        samples: &Samples,
        unit: &'static str,
    ) -> Self {
        Self {
            quartiles: Some(samples.quartiles()),
            ..Self::new(section, what, samples.median(), unit)
        }
    }

    pub(crate) fn goal(self, goal: Goal) -> Self {
        let met = match goal {
            Goal::AtLeast(least) => self.value >= least,
            Goal::AtMost(most) => self.value <= most,
        };
        Self {
            goal: Some(goal),
            met: Some(met),
            ..self
        }
    }

    pub(crate) fn section(&self) -> &'static str {
        self.section
    }

    pub(crate) fn missed(&self) -> bool {
        self.met == Some(false)
    }

    /// The cells of a table: what, value, goal, verdict.
    pub(crate) fn cells(&self) -> [String; 4] {
        let value = match self.quartiles {
            Some([low, high]) => format!(
                "{} {} ({} to {})",
                number(self.value),
                self.unit,
                number(low),
                number(high)
            ),
            None => format!("{} {}", number(self.value), self.unit),
        };
        let goal = match self.goal {
            Some(Goal::AtLeast(least)) => format!("at least {}", number(least)),
            Some(Goal::AtMost(most)) => format!("at most {}", number(most)),
            None => String::new(),
        };
        let verdict = match self.met {
            Some(true) => "met",
            Some(false) => "**MISSED**",
            None => "",
        };
        [self.what.clone(), value, goal, verdict.to_owned()]
    }
}

/// Three significant digits, thousands in groups.
pub(crate) fn number(value: f64) -> String {
    if !value.is_finite() {
        return "not measured".to_owned();
    }
    if value.abs() < 1_000.0 {
        let decimals = match value.abs() {
            0.0..10.0 => 2,
            10.0..100.0 => 1,
            _ => 0,
        };
        return format!("{value:.decimals$}");
    }
    let digits = format!("{value:.0}");
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}
