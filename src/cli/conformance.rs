//! `shoal conformance`: any WebTorrent tracker, checked from outside against the specification.

mod table;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use conformance::{Case, Level, Options, Report, Summary, Verdict};
use serde::Serialize;

use super::{exit, report};
use table::Table;

/// The arguments of `shoal conformance`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Sends what clients send, and what they should not, on fresh random torrents, one case after the
other. The requirements are those of docs/webtorrent-tracker-protocol.md. Some cases take trackers
down that are not prepared for them: ask before you run this against somebody else's.")]
pub(crate) struct Args {
    /// The tracker: `ws://HOST[:PORT][/PATH]`, or `wss://`.
    #[arg(value_name = "URL", required_unless_present = "list", value_parser = tracker_url)]
    url: Option<String>,
    /// Print one JSON object a line: each case, then the summary.
    #[arg(long)]
    json: bool,
    /// Run these cases only, or groups of them: `left.null`, or `left`.
    #[arg(long, value_name = "ID", num_args = 1.., value_delimiter = ',')]
    only: Vec<String>,
    /// List the cases with what they expect and the requirements behind it, and run none.
    #[arg(long)]
    list: bool,
    /// Seconds to wait for something that has to come.
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=120))]
    timeout: u64,
}

fn tracker_url(text: &str) -> Result<String, String> {
    let is_tracker = ["ws://", "wss://"].iter().any(|scheme| {
        text.strip_prefix(scheme)
            .is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
    });
    if is_tracker {
        Ok(text.to_owned())
    } else {
        Err("give ws://HOST[:PORT][/PATH], or wss:// for TLS".to_owned())
    }
}

/// Runs the cases and tells what became of each.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let cases = chosen(&args.only)?;
    let Some(url) = args.url.as_deref().filter(|_| !args.list) else {
        list(&cases, args.json)?;
        return Ok(ExitCode::SUCCESS);
    };
    let options = Options {
        timeout: Duration::from_secs(args.timeout),
        ..Options::new(url)
    };
    let mut printer = Printer::new(args.json, url, cases.len());
    // Reports come from inside the run, where an error of stdout has nowhere to go.
    let mut printed = Ok(());
    let summary = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(conformance::run(&options, &cases, |report| {
            if printed.is_ok() {
                printed = printer.report(&report);
            }
        }))?;
    printed?;
    printer.end(url, summary)?;
    Ok(if summary.conforms() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(exit::MISMATCH)
    })
}

/// The cases named, or all.
fn chosen(only: &[String]) -> anyhow::Result<Vec<&'static Case>> {
    let is_named = |case: &Case, name: &str| {
        case.id
            .strip_prefix(name)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    for name in only {
        conformance::cases()
            .find(|case| is_named(case, name))
            .with_context(|| {
                format!(
                    "--only `{name}` names no case and no group: see `shoal conformance --list`"
                )
            })?;
    }
    Ok(conformance::cases()
        .filter(|case| only.is_empty() || only.iter().any(|name| is_named(case, name)))
        .collect())
}

fn list(cases: &[&'static Case], json: bool) -> std::io::Result<()> {
    let table = Table::new();
    for case in cases {
        if json {
            report::json(&CaseLine::of(case))?;
        } else {
            table.listed(case)?;
        }
    }
    Ok(())
}

/// Tells reports to people or to programs.
enum Printer {
    Table {
        table: Table,
        /// What stands over the first report, until it was printed.
        head: Option<String>,
    },
    Json,
}

impl Printer {
    fn new(json: bool, url: &str, cases: usize) -> Self {
        if json {
            return Self::Json;
        }
        let table = Table::new();
        let head = Some(table.head(url, cases));
        Self::Table { table, head }
    }

    fn report(&mut self, report: &Report) -> std::io::Result<()> {
        match self {
            Self::Table { table, head } => {
                if let Some(head) = head.take() {
                    report::line(head)?;
                }
                table.report(report)
            }
            Self::Json => report::json(&CaseLine {
                verdict: Some(report.verdict),
                got: Some(&report.got),
                milliseconds: Some(report.took.as_millis()),
                ..CaseLine::of(report.case)
            }),
        }
    }

    fn end(&self, url: &str, summary: Summary) -> std::io::Result<()> {
        match self {
            Self::Table { table, .. } => table.summary(summary),
            Self::Json => report::json(&SummaryLine {
                event: "summary",
                url,
                conforms: summary.conforms(),
                summary,
            }),
        }
    }
}

/// A case, and what became of it if it was run.
#[derive(Serialize)]
struct CaseLine<'a> {
    event: &'static str,
    id: &'static str,
    title: &'static str,
    level: Level,
    requirements: &'static [&'static str],
    expected: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    got: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<Verdict>,
    #[serde(skip_serializing_if = "Option::is_none")]
    milliseconds: Option<u128>,
}

impl CaseLine<'_> {
    fn of(case: &'static Case) -> Self {
        Self {
            event: "case",
            id: case.id,
            title: case.title,
            level: case.level,
            requirements: case.requirements,
            expected: case.expected,
            got: None,
            verdict: None,
            milliseconds: None,
        }
    }
}

#[derive(Serialize)]
struct SummaryLine<'a> {
    event: &'static str,
    url: &'a str,
    conforms: bool,
    #[serde(flatten)]
    summary: Summary,
}
