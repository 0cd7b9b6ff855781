//! A line that is cut anywhere loses nothing and doubles nothing.

use super::*;

/// One exchange with news both ways, cut after every byte it has, then repeated on a good line.
async fn cut_everywhere(line: impl Fn(usize) -> Line) -> usize {
    let (laptop, hub) = (place().await, hub().await);
    exchange(&laptop, &hub).await;
    let mut written = 0;
    for offset in 0.. {
        let mine = laptop.add_person("Cros").await;
        let theirs = hub.add_person("Vidal").await;
        written += 2;
        let line = line(offset);
        let carried = exchange_over(line, Caller::new(laptop.site.clone()), &laptop, &hub).await;
        assert!(carried.error.is_none(), "{line:?}: {:?}", carried.error);
        assert_eq!(carried.report.identical, !carried.is_cut, "{line:?}");
        let report = exchange(&laptop, &hub).await;
        assert!(
            report.identical && !report.reconciled,
            "{line:?}: {report:?}"
        );
        for place in [&laptop, &hub] {
            assert_eq!(place.count().await, written, "{line:?}");
            assert!(place.family_name(mine).await.is_some(), "{line:?}");
            assert!(place.family_name(theirs).await.is_some(), "{line:?}");
        }
        assert_eq!(laptop.fingerprint().await, hub.fingerprint().await);
        assert_eq!(laptop.pending().await, Pending::default());
        if !carried.is_cut {
            return offset;
        }
    }
    0
}

#[tokio::test]
async fn a_request_cut_after_any_byte_loses_nothing() {
    let bytes = cut_everywhere(|up_max| Line {
        up_max,
        ..Line::default()
    })
    .await;
    println!("request cut after each of {bytes} bytes");
    assert!(bytes > 100);
}

#[tokio::test]
async fn a_response_cut_after_any_byte_loses_nothing() {
    let bytes = cut_everywhere(|down_max| Line {
        down_max,
        step: 7,
        ..Line::default()
    })
    .await;
    println!("response cut after each of {bytes} bytes");
    assert!(bytes > 100);
}

#[tokio::test]
async fn a_long_response_that_is_cut_goes_on_where_it_was() {
    let (laptop, hub) = (place().await, hub().await);
    let mut random = StdRng::seed_from_u64(2);
    for _ in 0..40 {
        let name: String = (0..8_000)
            .map(|_| char::from(random.random_range(b' '..b'~')))
            .collect();
        hub.add_person(&name).await;
    }
    let line = Line {
        down_max: 200_000,
        ..Line::default()
    };
    let first = exchange_over(line, Caller::new(laptop.site.clone()), &laptop, &hub).await;
    assert!(first.is_cut && first.report.received > 10, "{first:?}");
    let second = exchange(&laptop, &hub).await;
    assert!(second.identical);
    assert_eq!(first.report.received + second.received, 40);
}

#[tokio::test]
async fn a_request_that_arrives_twice_changes_nothing_the_second_time() {
    let (laptop, hub) = (place().await, hub().await);
    laptop.add_person("Cros").await;
    let mut caller = Caller::new(laptop.site.clone());
    let request = caller.next_request().await.unwrap().unwrap();
    for taken in [1, 0] {
        let mut answerer = Answerer::new(hub.site.clone(), laptop.site.replica()).unwrap();
        answerer.push(&request).await.unwrap();
        assert_eq!(answerer.finish().unwrap().heard().taken, taken);
    }
    assert_eq!(hub.count().await, 1);
    assert!(exchange(&laptop, &hub).await.identical);
}

#[tokio::test]
async fn a_caller_whose_response_was_cut_may_ask_again() {
    let (laptop, hub) = (place().await, hub().await);
    laptop.add_person("Cros").await;
    hub.add_person("Vidal").await;
    let mut caller = Caller::new(laptop.site.clone());
    let mut heard = Heard::default();
    let short = Line {
        down_max: 60,
        ..Line::default()
    };
    let is_over = carry(short, &mut caller, &laptop, &hub, &mut heard)
        .await
        .unwrap();
    assert!(!is_over && !caller.report().identical);
    let is_over = carry(Line::default(), &mut caller, &laptop, &hub, &mut heard)
        .await
        .unwrap();
    assert!(is_over && caller.report().identical);
    assert_eq!(laptop.fingerprint().await, hub.fingerprint().await);
}

#[tokio::test]
async fn smaller_pieces_after_a_lost_answer_need_no_comparison() {
    let (laptop, hub) = (place().await, hub().await);
    exchange(&laptop, &hub).await;
    for _ in 0..20 {
        laptop.add_person("Cros").await;
    }
    let mute = Line {
        down_max: 0,
        ..Line::default()
    };
    let carried = exchange_over(mute, Caller::new(laptop.site.clone()), &laptop, &hub).await;
    assert!(carried.is_cut && hub.count().await == 20);
    let caller = Caller::new(laptop.site.clone()).with_piece_bytes(800);
    let carried = exchange_over(Line::default(), caller, &laptop, &hub).await;
    let report = carried.report;
    assert!(report.identical && !report.reconciled, "{report:?}");
    assert!(report.round_trips > 1 && report.sent == 20, "{report:?}");
}

/// Polls `work` so often at most, then drops it where it stands, as a program that dies does.
async fn while_alive<T>(polls: usize, work: impl Future<Output = T>) -> Option<T> {
    let mut work = std::pin::pin!(work);
    let mut left = polls;
    std::future::poll_fn(|context| {
        if left == 0 {
            return std::task::Poll::Ready(None);
        }
        left -= 1;
        work.as_mut().poll(context).map(Some)
    })
    .await
}

#[tokio::test]
async fn a_program_that_dies_between_any_two_writes_has_kept_true_positions() {
    let (laptop, hub) = (place().await, hub().await);
    exchange(&laptop, &hub).await;
    for life in 1.. {
        laptop.add_person("Cros").await;
        hub.add_person("Vidal").await;
        let caller = Caller::new(laptop.site.clone());
        let dying = exchange_over(Line::default(), caller, &laptop, &hub);
        let is_over = while_alive(life, dying).await.is_some();
        let report = exchange(&laptop, &hub).await;
        assert!(report.identical && !report.reconciled, "{life}: {report:?}");
        assert_eq!(laptop.fingerprint().await, hub.fingerprint().await);
        if is_over {
            println!("an exchange waits {life} times");
            return;
        }
    }
}

#[tokio::test]
async fn requests_shrink_until_a_bad_line_carries_them_and_grow_again_on_a_good_one() {
    let (laptop, hub) = (place().await, hub().await);
    // Words that do not compress, so that there is more to send than the line carries at once.
    let mut random = StdRng::seed_from_u64(1);
    for _ in 0..40 {
        let word: String = (0..1000)
            .map(|_| char::from(random.random_range(b'!'..b'~')))
            .collect();
        laptop.add_person(&word).await;
    }
    let bad = Line {
        up_max: 20_000,
        ..Line::default()
    };
    let mut sent = Vec::new();
    loop {
        let mut caller = Caller::new(laptop.site.clone());
        let mut heard = Heard::default();
        let carried = carry(bad, &mut caller, &laptop, &hub, &mut heard).await;
        sent.push(caller.report().bytes_up);
        if carried.unwrap() {
            break;
        }
        // The program is started anew each time: what it learnt lies on the disk.
        caller.cut().await.unwrap();
        assert!(sent.len() < 8, "{sent:?}");
    }
    assert!(sent.len() > 2, "{sent:?}");
    assert_eq!(laptop.fingerprint().await, hub.fingerprint().await);

    for _ in 0..100 {
        let word: String = (0..1000)
            .map(|_| char::from(random.random_range(b'!'..b'~')))
            .collect();
        laptop.add_person(&word).await;
    }
    let report = exchange(&laptop, &hub).await;
    assert!(report.identical && report.round_trips < 8, "{report:?}");
}
