use std::collections::BTreeSet;
use std::fs;
use std::sync::{Arc, Barrier};
use std::thread;

use crate::fixtures::{Copy, PAYMENTS, decide, world};
use crate::{PolicyStore, Reload, TableAccess};

const NINA: &str = "g, user:nina, role:finance_analyst\n";

fn nina_reads(store: &PolicyStore) -> bool {
    let decision = decide(&store.current(), "nina/finance/eu", PAYMENTS, &world(PAYMENTS));
    matches!(decision.access, TableAccess::Visible { .. })
}

#[test]
fn a_revocation_and_an_erasure_hold_from_the_next_use() {
    let copy = Copy::of_sample();
    let store = PolicyStore::open(copy.dir.path()).unwrap();
    let epoch = store.epoch();
    assert!(nina_reads(&store));
    copy.append("erasures.csv", "rider_id,r-7,2026-11-20,DSR-1");
    let decision = decide(&store.current(), "nina/finance/eu", PAYMENTS, &world(PAYMENTS));
    let TableAccess::Visible { rows, .. } = &decision.access else { panic!() };
    assert_eq!(&*rows.erased.as_ref().unwrap().keys, ["r-7".to_owned()]);
    copy.replace("policy.csv", NINA, "");
    assert!(!nina_reads(&store));
    assert_eq!(store.epoch(), epoch + 2);
    assert_eq!((store.status().reloads, store.status().failures), (2, 0));
}

#[test]
fn every_one_of_many_quick_writes_of_the_same_size_is_seen() {
    let copy = Copy::of_sample();
    let store = PolicyStore::open(copy.dir.path()).unwrap();
    for round in 0..40 {
        let (from, to) = if round % 2 == 0 { ("nina", "mina") } else { ("mina", "nina") };
        copy.replace(
            "policy.csv",
            &format!("g, user:{from}, role:finance_analyst"),
            &format!("g, user:{to}, role:finance_analyst"),
        );
        assert_eq!(nina_reads(&store), to == "nina", "round {round}");
    }
}

#[test]
fn a_bad_folder_keeps_the_old_set_and_says_why_until_it_is_good_again() {
    let copy = Copy::of_sample();
    let store = PolicyStore::open(copy.dir.path()).unwrap();
    let (version, epoch) = (store.status().version, store.epoch());
    let good = copy.read("policy.csv");
    copy.append("policy.csv", "p, XX-01, role:everyone, purpose:any, tag:pii, clear, always, Deny");
    assert_eq!(store.current().version(), version);
    let status = store.status();
    assert_eq!((status.version.as_str(), status.failures, store.epoch()), (version.as_str(), 1, epoch));
    assert!(status.last_error.unwrap()[0].text.contains("neither `allow` nor `deny`"));
    // The same bad folder is not read again and again.
    store.current();
    assert_eq!(store.status().failures, 1);
    copy.write("policy.csv", good);
    store.current();
    assert_eq!(store.status().last_error, None);
    assert_eq!((store.status().version, store.epoch()), (version, epoch));
}

#[test]
fn a_file_that_is_empty_while_somebody_writes_it_takes_no_rule_and_no_erasure_away() {
    let copy = Copy::of_sample();
    copy.append("erasures.csv", "rider_id,r-7,2026-11-20,DSR-1");
    let store = PolicyStore::open(copy.dir.path()).unwrap();
    let version = store.status().version;
    for file in ["policy.csv", "erasures.csv", "classification.yaml", "model.conf"] {
        let whole = copy.read(file);
        copy.write(file, "");
        assert_eq!(store.current().version(), version, "{file}");
        assert!(store.status().last_error.unwrap().iter().any(|problem| problem.file == file), "{file}");
        copy.write(file, whole);
        assert_eq!((store.current().version(), store.status().last_error), (version.as_str(), None), "{file}");
    }
}

#[test]
fn a_folder_that_vanishes_keeps_the_old_set_and_is_reported() {
    let copy = Copy::of_sample();
    let store = PolicyStore::open(copy.dir.path()).unwrap();
    let away = copy.dir.path().with_extension("away");
    fs::rename(copy.dir.path(), &away).unwrap();
    assert!(nina_reads(&store));
    let problems = store.status().last_error.unwrap();
    assert!(
        problems.iter().any(|problem| problem.to_string().starts_with("policy.csv: the file is missing; ")),
        "{problems:?}"
    );
    fs::rename(&away, copy.dir.path()).unwrap();
    store.current();
    assert_eq!(store.status().last_error, None);
}

#[test]
fn a_first_load_with_errors_gives_no_store() {
    let copy = Copy::of_sample();
    copy.append("policy.csv", "P, nothing");
    assert_eq!(PolicyStore::open(copy.dir.path()).unwrap_err().len(), 1);
}

#[test]
fn a_forced_reload_tells_what_it_came_to() {
    let copy = Copy::of_sample();
    let store = PolicyStore::open(copy.dir.path()).unwrap();
    assert_eq!(store.refresh(), Reload::Unchanged);
    copy.append("policy.csv", "# a remark");
    let Reload::Swapped { version } = store.refresh() else { panic!() };
    assert_eq!(store.status().version, version);
    copy.append("policy.csv", "nonsense");
    assert!(matches!(store.refresh(), Reload::Refused(problems) if problems.len() == 1));
}

#[test]
fn a_set_in_use_stays_as_it_is_while_another_is_swapped_in() {
    let copy = Copy::of_sample();
    let store = PolicyStore::open(copy.dir.path()).unwrap();
    let kept = store.current();
    copy.replace("policy.csv", NINA, "");
    assert!(!nina_reads(&store));
    let decision = decide(&kept, "nina/finance/eu", PAYMENTS, &world(PAYMENTS));
    assert!(matches!(decision.access, TableAccess::Visible { .. }));
    assert_ne!(kept.version(), store.current().version());
}

#[test]
fn many_readers_see_the_change_and_one_of_them_loads_it() {
    let copy = Copy::of_sample();
    let store = Arc::new(PolicyStore::open(copy.dir.path()).unwrap());
    let (with_nina, without) = (copy.read("policy.csv"), copy.read("policy.csv").replace(NINA, ""));
    // Several rounds, so that readers and the one who loads meet for sure.
    for round in 1..=6 {
        let reads = round % 2 == 0;
        copy.write("policy.csv", if reads { &with_nina } else { &without });
        let start = Arc::new(Barrier::new(8));
        let readers: Vec<_> = (0..8)
            .map(|_| {
                let (store, start) = (Arc::clone(&store), Arc::clone(&start));
                thread::spawn(move || {
                    start.wait();
                    (nina_reads(&store), store.current().version().to_owned())
                })
            })
            .collect();
        let seen: BTreeSet<(bool, String)> = readers.into_iter().map(|reader| reader.join().unwrap()).collect();
        assert_eq!(seen, BTreeSet::from([(reads, store.status().version)]));
        assert_eq!(store.status().reloads, round);
    }
}
