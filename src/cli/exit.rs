//! Exit codes, part of the contract with scripts.

use std::process::ExitCode;

/// Something failed: a file, the network, the content of an input.
pub(crate) const FAILURE: ExitCode = ExitCode::FAILURE;

/// `verify` ran to its end and found content that does not match, `conformance` a tracker that does
/// not conform, or `doctor` something that keeps browsers out.
pub(crate) const MISMATCH: u8 = 3;

/// The table of exit codes at the end of `--help`.
pub(crate) const HELP: &str = "\
Exit codes:
  0  done; a server stopped by SIGINT or SIGTERM
  1  failed, or stopped before it was done; the reason is on stderr
  2  the command line is wrong
  3  verify: the content does not match the torrent
     conformance: the tracker fails a case that it must pass
     doctor: something was found that keeps browsers out";
