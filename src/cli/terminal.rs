//! What a terminal can show: its width, colours, lines that fit.

use std::io::IsTerminal;

/// The width where there is no terminal to ask.
const WIDTH: usize = 100;

/// The narrowest that still reads.
const NARROWEST: usize = 60;

/// Stdout, as a reader sees it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terminal {
    /// Columns.
    pub(crate) width: usize,
    is_coloured: bool,
}

/// Escape sequences (ECMA-48 §8.3.117) round a text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Colour(&'static str);

pub(crate) const GREEN: Colour = Colour("32");
pub(crate) const YELLOW: Colour = Colour("33");
pub(crate) const RED: Colour = Colour("31");
pub(crate) const BOLD_RED: Colour = Colour("1;31");
pub(crate) const DIM: Colour = Colour("2");
pub(crate) const BOLD: Colour = Colour("1");

impl Terminal {
    pub(crate) fn of_stdout() -> Self {
        let stdout = std::io::stdout();
        // https://no-color.org
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let terminal = terminal_size::terminal_size_of(&stdout).map(|(width, _)| width.0.into());
        Self {
            width: terminal.unwrap_or(WIDTH).max(NARROWEST),
            is_coloured: stdout.is_terminal() && !no_color,
        }
    }

    /// The text in a colour, if there are colours.
    pub(crate) fn paint(&self, colour: Colour, text: &str) -> String {
        if self.is_coloured {
            format!("\x1b[{}m{text}\x1b[0m", colour.0)
        } else {
            text.to_owned()
        }
    }
}

/// Breaks a text into lines of at most so many characters, in the middle of words that are longer.
pub(crate) fn wrapped(text: &str, width: usize) -> Vec<String> {
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
