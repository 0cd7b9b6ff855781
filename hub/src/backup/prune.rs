//! Which backups go: by a rule of days, weeks and months, in each place by itself, and never the only verified one.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use jiff::civil::Date;

use super::custody::Custody;
use super::list::Found;
use super::settings::Retention;
use super::state::State;
use super::{BackupError, keys, list, place};

/// Removes the backups that the rule does not keep, or with `is_dry` only says which those are. Of other files, of other
/// hubs' backups and of places that are not there nothing is touched.
///
/// # Errors
/// When the hub's key cannot be read, or a file cannot be removed.
pub fn prune(
    directory: &Path,
    rule: Option<Retention>,
    is_dry: bool,
) -> Result<Vec<PathBuf>, BackupError> {
    let custody = Custody::of_hub(directory)?;
    let hub = keys::own_hub(directory);
    let hub = hub.ok_or_else(|| BackupError::NoHub(directory.to_owned()))?;
    let state = State::read(directory);
    let rule = rule.unwrap_or(custody.settings.retention);
    let mut removed = Vec::new();
    for path in custody
        .settings
        .places
        .iter()
        .filter(|path| place::is_there(path))
    {
        let backups = list::backups(path, Some(&hub), &state);
        removed.extend(superfluous(backups, rule));
    }
    if is_dry {
        return Ok(removed);
    }
    for path in &removed {
        std::fs::remove_file(path).map_err(BackupError::file(path))?;
    }
    State::change(directory, |state| {
        let is_gone = |path: &Path| path.parent().is_some_and(place::is_there) && !path.exists();
        state.verified.retain(|path, _| !is_gone(path));
    })?;
    Ok(removed)
}

/// Those of one place's backups, newest first, that the rule does not keep.
fn superfluous(backups: Vec<Found>, rule: Retention) -> Vec<PathBuf> {
    let dates: Vec<Date> = backups.iter().map(|one| one.manifest.at().date()).collect();
    let mut kept = kept(&dates, rule);
    kept.extend(backups.iter().position(|one| one.verified.is_some()));
    let numbered = backups.into_iter().enumerate();
    numbered
        .filter(|(number, _)| !kept.contains(number))
        .map(|(_, found)| found.path)
        .collect()
}

/// Which of these dates, newest first, the rule keeps: the first, and the first of each of the last days, weeks and
/// months that have any.
fn kept(dates: &[Date], rule: Retention) -> BTreeSet<usize> {
    let mut kept: BTreeSet<usize> = dates.first().map(|_| 0).into_iter().collect();
    kept.extend(firsts(dates, rule.daily, |date| {
        (date.year(), date.day_of_year())
    }));
    kept.extend(firsts(dates, rule.weekly, |date| {
        let week = date.iso_week_date();
        (week.year(), i16::from(week.week()))
    }));
    kept.extend(firsts(dates, rule.monthly, |date| {
        (date.year(), i16::from(date.month()))
    }));
    kept
}

fn firsts(
    dates: &[Date],
    count: usize,
    period: impl Fn(&Date) -> (i16, i16),
) -> impl Iterator<Item = usize> {
    let mut last = None;
    let firsts = dates.iter().enumerate().filter(move |(_, date)| {
        let period = Some(period(date));
        let is_first = period != last;
        last = period;
        is_first
    });
    firsts.take(count).map(|(number, _)| number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::ToSpan;
    use jiff::civil::date;

    fn days_back(rule: Retention, days: i32) -> Vec<i64> {
        let today = date(2026, 11, 26);
        let dates: Vec<Date> = (0..days)
            .map(|n| today.checked_sub(n.days()).unwrap())
            .collect();
        kept(&dates, rule).into_iter().map(|n| n as i64).collect()
    }

    #[test]
    fn by_default_seven_days_four_weeks_and_two_months_are_kept() {
        // 26 November 2026 is a Thursday: Sundays were 4, 11 and 18 days ago, 31 October 26.
        let all = days_back(Retention::default(), 90);
        assert_eq!(all, [0, 1, 2, 3, 4, 5, 6, 11, 18, 26]);
    }

    #[test]
    fn the_newest_stays_whatever_the_rule() {
        let nothing = Retention {
            daily: 0,
            weekly: 0,
            monthly: 0,
        };
        assert_eq!(days_back(nothing, 10), [0]);
        assert!(kept(&[], Retention::default()).is_empty());
    }

    #[test]
    fn of_one_day_the_last_one_is_kept_and_gaps_do_not_count() {
        let day = |n| date(2026, 11, n);
        let rule = Retention {
            daily: 2,
            weekly: 0,
            monthly: 0,
        };
        let dates = [day(26), day(26), day(26), day(3), day(3), day(2)];
        assert_eq!(kept(&dates, rule).into_iter().collect::<Vec<_>>(), [0, 3]);
    }
}
