//! The table for people: a line for what is as expected, the whole story for what is not.

use std::io::IsTerminal;

use conformance::{Case, Level, Report, Summary, Verdict};

use crate::cli::report;

/// The width where there is no terminal to ask.
const WIDTH: usize = 100;

/// The narrowest that still reads.
const NARROWEST: usize = 60;

/// Columns before the title: the verdict, and the longest name of a case.
const INDENT: usize = 9;
const NAME: usize = 27;

/// How the table looks.
pub(super) struct Table {
    width: usize,
    is_coloured: bool,
}

/// Escape sequences (ECMA-48 §8.3.117) round a text.
#[derive(Clone, Copy)]
struct Colour(&'static str);

const GREEN: Colour = Colour("32");
const YELLOW: Colour = Colour("33");
const RED: Colour = Colour("31");
const BOLD_RED: Colour = Colour("1;31");
const DIM: Colour = Colour("2");
const BOLD: Colour = Colour("1");

impl Table {
    pub(super) fn new() -> Self {
        let stdout = std::io::stdout();
        // https://no-color.org
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let terminal = terminal_size::terminal_size_of(&stdout).map(|(width, _)| width.0.into());
        Self {
            width: terminal.unwrap_or(WIDTH).max(NARROWEST),
            is_coloured: stdout.is_terminal() && !no_color,
        }
    }

    /// What stands over the table.
    pub(super) fn head(&self, url: &str, cases: usize) -> String {
        format!("{}, {cases} cases\n", self.paint(BOLD, url))
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
        let mut parts = vec![self.paint(GREEN, &format!("{passed} passed"))];
        for (count, word, colour) in [
            (failed, "failed", RED),
            (crashed, "crashed the tracker", BOLD_RED),
            (warnings, "with a warning", YELLOW),
            (skipped, "skipped", DIM),
        ] {
            if count > 0 {
                parts.push(self.paint(colour, &format!("{count} {word}")));
            }
        }
        report::line(format_args!("\n{cases} cases: {}", parts.join(", ")))
    }

    fn line(&self, word: &str, colour: Colour, case: &Case) -> std::io::Result<()> {
        let room = self.width.saturating_sub(INDENT + NAME);
        let mut title = wrapped(case.title, room).into_iter();
        report::line(format_args!(
            "{}{:<NAME$}{}",
            self.paint(colour, &format!("{word:<INDENT$}")),
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
        let room = self.width.saturating_sub(INDENT + COLUMN);
        let mut name = name;
        for line in wrapped(text, room) {
            let label = self.paint(DIM, &format!("{name:<COLUMN$}"));
            report::line(format_args!("{:INDENT$}{label}{line}", ""))?;
            name = "";
        }
        Ok(())
    }

    fn paint(&self, colour: Colour, text: &str) -> String {
        if self.is_coloured {
            format!("\x1b[{}m{text}\x1b[0m", colour.0)
        } else {
            text.to_owned()
        }
    }
}

/// Breaks a text into lines of at most so many characters, in the middle of words that are longer.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut room = width;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if room < width && length < room {
            line.push(' ');
            room -= 1;
        } else if room < width {
            lines.push(std::mem::take(&mut line));
            room = width;
        }
        for character in word.chars() {
            if room == 0 {
                lines.push(std::mem::take(&mut line));
                room = width;
            }
            line.push(character);
            room -= 1;
        }
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::wrapped;

    #[test]
    fn lines_break_between_words_and_inside_those_that_are_too_long() {
        assert_eq!(wrapped("", 5), [""]);
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("one two three", 8), ["one two", "three"]);
        assert_eq!(wrapped("abcdefghijkl m", 5), ["abcde", "fghij", "kl m"]);
        assert_eq!(wrapped("a  bcdef", 5), ["a", "bcdef"]);
    }
}
