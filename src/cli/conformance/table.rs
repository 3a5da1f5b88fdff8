//! The table for people: a line for what is as expected, the whole story for what is not.

use conformance::{Case, Level, Report, Summary, Verdict};

use crate::cli::report;
use crate::cli::terminal::{BOLD, BOLD_RED, Colour, DIM, GREEN, RED, Terminal, YELLOW, wrapped};

/// Columns before the title: the verdict, and the longest name of a case.
const INDENT: usize = 9;
const NAME: usize = 27;

/// How the table looks.
pub(super) struct Table {
    terminal: Terminal,
}

impl Table {
    pub(super) fn new() -> Self {
        Self {
            terminal: Terminal::of_stdout(),
        }
    }

    /// What stands over the table.
    pub(super) fn head(&self, url: &str, cases: usize) -> String {
        format!("{}, {cases} cases\n", self.terminal.paint(BOLD, url))
    }

    pub(super) fn report(&self, result: &Report) -> std::io::Result<()> {
        let (word, colour) = match result.verdict {
            Verdict::Pass => ("pass", GREEN),
            Verdict::Warning => ("warning", YELLOW),
            Verdict::Fail => ("FAIL", RED),
            Verdict::Crashed => ("CRASHED", BOLD_RED),
            Verdict::Skip => ("skip", DIM),
        };
        self.line(word, colour, result.case)?;
        match result.verdict {
            Verdict::Pass => Ok(()),
            Verdict::Skip => self.detail("because", &result.got),
            Verdict::Warning | Verdict::Fail | Verdict::Crashed => {
                self.detail("expected", result.case.expected)?;
                self.detail("got", &result.got)?;
                self.requirements(result.case)
            }
        }
    }

    pub(super) fn listed(&self, case: &Case) -> std::io::Result<()> {
        let (word, colour) = match case.level {
            Level::Must => ("must", BOLD),
            Level::Should => ("should", DIM),
        };
        self.line(word, colour, case)?;
        self.detail("expected", case.expected)?;
        self.requirements(case)
    }

    pub(super) fn summary(&self, summary: Summary) -> std::io::Result<()> {
        let Summary {
            cases,
            passed,
            warnings,
            failed,
            crashed,
            skipped,
        } = summary;
        let mut parts = vec![self.terminal.paint(GREEN, &format!("{passed} passed"))];
        for (count, word, colour) in [
            (failed, "failed", RED),
            (crashed, "crashed the tracker", BOLD_RED),
            (warnings, "with a warning", YELLOW),
            (skipped, "skipped", DIM),
        ] {
            if count > 0 {
                parts.push(self.terminal.paint(colour, &format!("{count} {word}")));
            }
        }
        report::line(format_args!("\n{cases} cases: {}", parts.join(", ")))
    }

    fn line(&self, word: &str, colour: Colour, case: &Case) -> std::io::Result<()> {
        let room = self.terminal.width.saturating_sub(INDENT + NAME);
        let mut title = wrapped(case.title, room).into_iter();
        report::line(format_args!(
            "{}{:<NAME$}{}",
            self.terminal.paint(colour, &format!("{word:<INDENT$}")),
            case.id,
            title.next().unwrap_or_default()
        ))?;
        title.try_for_each(|line| report::line(format_args!("{:1$}{line}", "", INDENT + NAME)))
    }

    fn requirements(&self, case: &Case) -> std::io::Result<()> {
        for id in case.requirements {
            self.detail(id, &conformance::requirement(id).unwrap_or_default())?;
        }
        Ok(())
    }

    fn detail(&self, name: &str, text: &str) -> std::io::Result<()> {
        const COLUMN: usize = 10;
        let room = self.terminal.width.saturating_sub(INDENT + COLUMN);
        let mut name = name;
        for line in wrapped(text, room) {
            let label = self.terminal.paint(DIM, &format!("{name:<COLUMN$}"));
            report::line(format_args!("{:INDENT$}{label}{line}", ""))?;
            name = "";
        }
        Ok(())
    }
}
