//! Hashing for a person who watches: a progress bar, and a stop on a signal.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use metainfo::Progress;
use tokio::sync::oneshot;

use super::signals;

/// Runs `work` with a callback that moves a bar on stderr, if that is a
/// terminal, and a flag that SIGINT or SIGTERM sets.
///
/// # Errors
/// When signals cannot be listened to. What `work` returns is passed on as it is.
pub(crate) fn watched<T: Send>(
    work: impl FnOnce(&(dyn Fn(Progress) + Sync), &AtomicBool) -> T + Send,
) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .context("the runtime for signals cannot start")?;
    let bar = ProgressBar::no_length().with_style(
        ProgressStyle::with_template(
            "{bar:32} {percent:>3}%  {bytes} of {total_bytes}  {bytes_per_sec}  {eta} left",
        )
        .context("the template of the bar is wrong")?,
    );
    let cancel = AtomicBool::new(false);
    let result = thread::scope(|scope| {
        let (done, finished) = oneshot::channel();
        let worker = scope.spawn(|| {
            let result = work(&|progress| show(&bar, progress), &cancel);
            // The other end waits until this thread has ended.
            let _ = done.send(());
            result
        });
        let listening = runtime.block_on(async {
            let mut stop = signals::Stop::new()?;
            tokio::select! {
                _ = finished => {}
                () = stop.asked() => cancel.store(true, Ordering::Relaxed),
            }
            std::io::Result::Ok(())
        });
        match worker.join() {
            Ok(result) => listening.map(|()| result),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    });
    bar.finish_and_clear();
    result.context("signals cannot be listened to")
}

fn show(bar: &ProgressBar, progress: Progress) {
    bar.set_length(progress.total);
    bar.set_position(progress.done);
}
