//! `hdfs.raw.events`: what the apps send, as it comes. The body is text that nobody has looked through.

use std::io::{self, Write};
use std::ops::Range;
use std::path::Path;

use super::calendar::{self, Calendar};
use super::dice::Dice;
use super::trips::FIRST_TRIP;
use super::{Scale, files, riders};

/// Types, with how many of a hundred events are of them.
const EVENT_TYPES: [(&str, u64); 7] = [
    ("app_open", 34),
    ("search", 26),
    ("ride_request", 20),
    ("rating", 10),
    ("ride_cancel", 6),
    ("payment_failed", 2),
    ("support_chat", 2),
];

/// Writes the events of one file, one JSON object on each line.
pub(super) fn write(path: &Path, calendar: Calendar, scale: Scale, event_idxs: Range<u64>) -> io::Result<()> {
    let mut out = files::create(path)?;
    for event_idx in event_idxs {
        let mut dice = Dice::of(41, event_idx);
        let instant = calendar.at(FIRST_TRIP, (event_idx as f64 + dice.share()) / scale.events as f64);
        let rider_idx = (!dice.percent(8)).then(|| riders::active(calendar, scale, instant, &mut dice));
        let event_type = event_type(&mut dice);
        write!(out, "{{\"event_id\":\"E{event_idx:08}\",\"rider_id\":")?;
        match rider_idx {
            Some(rider_idx) => write!(out, "\"{}\"", riders::rider_id(rider_idx))?,
            None => out.write_all(b"null")?,
        }
        write!(out, ",\"event_type\":\"{event_type}\",\"ts\":\"{}\",\"body\":", calendar::text(instant))?;
        serde_json::to_writer(&mut out, &body(calendar, scale, event_type, rider_idx, &mut dice))?;
        out.write_all(b"}\n")?;
    }
    out.flush()
}

fn event_type(dice: &mut Dice) -> &'static str {
    let mut left = dice.below(100);
    for (event_type, hundredths) in EVENT_TYPES {
        match left.checked_sub(hundredths) {
            Some(rest) => left = rest,
            None => return event_type,
        }
    }
    "app_open"
}

/// JSON within a text, as apps send it; some of it holds an address of the rider.
fn body(calendar: Calendar, scale: Scale, event_type: &str, rider_idx: Option<u64>, dice: &mut Dice) -> String {
    match (event_type, rider_idx) {
        ("search", _) => format!("{{\"city\":{},\"ms\":{}}}", 1 + dice.below(12), 20 + dice.below(900)),
        ("rating", _) => format!("{{\"stars\":{}}}", 1 + dice.below(5)),
        ("support_chat", Some(rider_idx)) => {
            format!("{{\"from\":\"{}\",\"text\":\"where is my driver?\"}}", riders::email(calendar, scale, rider_idx))
        }
        ("payment_failed", Some(rider_idx)) => {
            let phone = riders::contact(rider_idx).phone.unwrap_or_default();
            format!("{{\"code\":{},\"call\":\"{phone}\"}}", 50 + dice.below(9))
        }
        (_, _) => format!("{{\"app\":\"{}.{}\"}}", 4 + dice.below(3), dice.below(20)),
    }
}
