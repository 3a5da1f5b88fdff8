/// The specification this version of the kit checks.
const TEXT: &str = include_str!("../../../docs/webtorrent-tracker-protocol.md");

/// The text of a requirement, such as `R-4.9`, in one line; `None` if there is no such one.
pub fn requirement(id: &str) -> Option<String> {
    let start = format!("- **{id}** ");
    let mut lines = TEXT.lines().skip_while(|line| !line.starts_with(&start));
    let mut text = lines.next()?.strip_prefix(&start)?.to_owned();
    for line in lines.take_while(|line| line.starts_with("  ")) {
        text.push(' ');
        text.push_str(line.trim());
    }
    Some(text)
}
