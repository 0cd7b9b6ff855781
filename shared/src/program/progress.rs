//! A progress bar for what takes more than a moment; shown in a terminal only.

use indicatif::{ProgressBar, ProgressStyle};

/// Tells a terminal how far a task has come: call what is returned with (done, in all). `what` is a few words.
pub fn progress_bar(what: &'static str) -> impl FnMut(usize, usize) + Send + 'static {
    let mut bar: Option<ProgressBar> = None;
    move |done, all| {
        let bar = bar.get_or_insert_with(|| {
            let style = ProgressStyle::with_template("{msg} {bar:30} {pos}/{len} (reste {eta})");
            ProgressBar::new(0)
                .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
                .with_message(what)
        });
        bar.set_length(all as u64);
        bar.set_position(done as u64);
        if done == all {
            bar.finish_and_clear();
        }
    }
}
