//! Findings, for people and for programs.

use serde::Serialize;

use super::report;
use crate::cli::printable::printable;
use crate::cli::terminal::{BOLD, Colour, DIM, GREEN, RED, Terminal, YELLOW, wrapped};

/// Columns before a finding's text: its verdict, and the name of the check.
const VERDICT: usize = 6;
const NAME: usize = 12;

/// How bad it is, least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Verdict {
    /// Good to know.
    Note,
    /// As it should be.
    Ok,
    /// Works for some, or not for long.
    Warn,
    /// Keeps browsers out.
    Fail,
}

/// One thing that was looked at.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Finding {
    check: &'static str,
    verdict: Verdict,
    /// What was seen.
    seen: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
}

impl Finding {
    pub(super) fn note(check: &'static str, seen: impl Into<String>) -> Self {
        Self::new(check, Verdict::Note, seen, None)
    }

    pub(super) fn ok(check: &'static str, seen: impl Into<String>) -> Self {
        Self::new(check, Verdict::Ok, seen, None)
    }

    pub(super) fn warn(
        check: &'static str,
        seen: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self::new(check, Verdict::Warn, seen, Some(advice.into()))
    }

    pub(super) fn fail(
        check: &'static str,
        seen: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self::new(check, Verdict::Fail, seen, Some(advice.into()))
    }

    fn new(
        check: &'static str,
        verdict: Verdict,
        seen: impl Into<String>,
        advice: Option<String>,
    ) -> Self {
        Self {
            check,
            verdict,
            seen: seen.into(),
            advice,
        }
    }
}

/// Prints findings as they come.
pub(super) struct Writer {
    /// None prints JSON.
    terminal: Option<Terminal>,
    group: String,
    warnings: usize,
    failures: usize,
}

#[derive(Serialize)]
struct Line<'a> {
    event: &'static str,
    about: &'a str,
    #[serde(flatten)]
    finding: &'a Finding,
}

#[derive(Serialize)]
struct Summary {
    event: &'static str,
    warnings: usize,
    failures: usize,
}

impl Writer {
    pub(super) fn new(json: bool) -> Self {
        Self {
            terminal: (!json).then(Terminal::of_stdout),
            group: String::new(),
            warnings: 0,
            failures: 0,
        }
    }

    /// Begins with what is found about another thing.
    pub(super) fn group(&mut self, name: &str) -> std::io::Result<()> {
        let gap = if self.group.is_empty() { "" } else { "\n" };
        name.clone_into(&mut self.group);
        match &self.terminal {
            Some(terminal) => report::line(format_args!(
                "{gap}{}",
                terminal.paint(BOLD, &printable(name))
            )),
            None => Ok(()),
        }
    }

    /// Tells findings.
    pub(super) fn all(
        &mut self,
        findings: impl IntoIterator<Item = Finding>,
    ) -> std::io::Result<()> {
        findings
            .into_iter()
            .try_for_each(|finding| self.tell(&finding))
    }

    fn tell(&mut self, finding: &Finding) -> std::io::Result<()> {
        match finding.verdict {
            Verdict::Note | Verdict::Ok => {}
            Verdict::Warn => self.warnings += 1,
            Verdict::Fail => self.failures += 1,
        }
        let Some(terminal) = &self.terminal else {
            return report::json(&Line {
                event: "finding",
                about: &self.group,
                finding,
            });
        };
        let (word, colour) = match finding.verdict {
            Verdict::Note => ("·", DIM),
            Verdict::Ok => ("ok", GREEN),
            Verdict::Warn => ("warn", YELLOW),
            Verdict::Fail => ("FAIL", RED),
        };
        let label = format!(
            "{}{:<NAME$}",
            terminal.paint(colour, &format!("{word:<VERDICT$}")),
            finding.check
        );
        paragraph(terminal, &label, None, &finding.seen)?;
        match &finding.advice {
            Some(advice) => paragraph(terminal, &" ".repeat(VERDICT + NAME), Some(DIM), advice),
            None => Ok(()),
        }
    }

    /// Sums up, and returns the worst that was found.
    pub(super) fn end(self) -> std::io::Result<Verdict> {
        let Self {
            warnings, failures, ..
        } = self;
        let worst = match (failures, warnings) {
            (0, 0) => Verdict::Ok,
            (0, _) => Verdict::Warn,
            _ => Verdict::Fail,
        };
        let Some(terminal) = self.terminal else {
            report::json(&Summary {
                event: "summary",
                warnings,
                failures,
            })?;
            return Ok(worst);
        };
        let counted = |count: usize, what| match count {
            1 => format!("1 {what}"),
            count => format!("{count} {what}s"),
        };
        let text = match worst {
            Verdict::Note | Verdict::Ok => terminal.paint(GREEN, "Nothing is in the way."),
            Verdict::Warn => terminal.paint(YELLOW, &counted(warnings, "warning")),
            Verdict::Fail => format!(
                "{}, {}",
                terminal.paint(RED, &counted(failures, "failure")),
                counted(warnings, "warning")
            ),
        };
        report::line(format_args!("\n{text}"))?;
        Ok(worst)
    }
}

/// A text beside a label, in lines that fit.
fn paragraph(
    terminal: &Terminal,
    label: &str,
    colour: Option<Colour>,
    text: &str,
) -> std::io::Result<()> {
    let room = terminal.width.saturating_sub(VERDICT + NAME);
    for (number, line) in wrapped(&printable(text), room).into_iter().enumerate() {
        let line = match colour {
            Some(colour) => terminal.paint(colour, &line),
            None => line,
        };
        if number == 0 {
            report::line(format_args!("{label}{line}"))?;
        } else {
            report::line(format_args!("{:1$}{line}", "", VERDICT + NAME))?;
        }
    }
    Ok(())
}
