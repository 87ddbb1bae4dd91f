//! `vertica.crm.riders`: everybody who has an account. Nobody here exists.

use std::io::{self, Write};
use std::path::Path;

use chrono::NaiveDate;

use super::calendar::{self, Calendar};
use super::dice::Dice;
use super::{Scale, files};

/// Days before the end when the first rider joined.
const FIRST_JOINED: i64 = 5 * 365;

/// First names, and how they are spelled in an address.
const FIRST_NAMES: [(&str, &str); 32] = [
    ("Anna", "a"),
    ("Bram", "b"),
    ("Chloé", "c"),
    ("Daan", "d"),
    ("Elif", "e"),
    ("Fenna", "f"),
    ("Giulia", "g"),
    ("Hugo", "h"),
    ("Inès", "i"),
    ("Jürgen", "j"),
    ("Katarzyna", "k"),
    ("Łukasz", "l"),
    ("Mehmet", "m"),
    ("Noor", "n"),
    ("Oskar", "o"),
    ("Priya", "p"),
    ("Quentin", "q"),
    ("Rosa", "r"),
    ("Søren", "s"),
    ("Thijs", "t"),
    ("Uwe", "u"),
    ("Valérie", "v"),
    ("Wiebke", "w"),
    ("Xavier", "x"),
    ("Yara", "y"),
    ("Zoë", "z"),
    ("Amélie", "a"),
    ("Björn", "b"),
    ("Camille", "c"),
    ("Dmitri", "d"),
    ("Emma", "e"),
    ("Femke", "f"),
];

/// Last names, and how they are spelled in an address.
const LAST_NAMES: [(&str, &str); 32] = [
    ("de Vries", "devries"),
    ("Bakker", "bakker"),
    ("Jansen", "jansen"),
    ("Müller", "mueller"),
    ("Schröder", "schroeder"),
    ("Lefèvre", "lefevre"),
    ("Dubois", "dubois"),
    ("Moreau", "moreau"),
    ("García", "garcia"),
    ("Rossi", "rossi"),
    ("Kowalski", "kowalski"),
    ("Wiśniewska", "wisniewska"),
    ("Peeters", "peeters"),
    ("Smith", "smith"),
    ("O'Neill", "oneill"),
    ("Nguyen", "nguyen"),
    ("van den Berg", "vandenberg"),
    ("Visser", "visser"),
    ("Weiß", "weiss"),
    ("Hoffmann", "hoffmann"),
    ("Girard", "girard"),
    ("Fontaine", "fontaine"),
    ("Ferrari", "ferrari"),
    ("Nowak", "nowak"),
    ("Janssens", "janssens"),
    ("Johnson", "johnson"),
    ("Yılmaz", "yilmaz"),
    ("Patel", "patel"),
    ("Dekker", "dekker"),
    ("Schäfer", "schaefer"),
    ("Laurent", "laurent"),
    ("Petrov", "petrov"),
];

/// Countries, how many of a hundred riders live there, and how a phone number begins that nobody has.
const COUNTRIES: [(&str, u64, &str); 9] = [
    ("NL", 20, "+31600"),
    ("DE", 15, "+491500"),
    ("FR", 10, "+33639"),
    ("BE", 10, "+32400"),
    ("ES", 9, "+34600"),
    ("IT", 8, "+39300"),
    ("PL", 8, "+48500"),
    ("GB", 10, "+447700"),
    ("US", 10, "+1555"),
];

/// What a rider's other data says about them.
pub(super) struct Contact {
    pub(super) country: &'static str,
    pub(super) phone: Option<String>,
}

/// The key, from `1001`.
pub(super) fn rider_id(rider_idx: u64) -> String {
    (1_001 + rider_idx).to_string()
}

/// The first rider is Anna Petrov from the Netherlands, in every world.
pub(super) fn contact(rider_idx: u64) -> Contact {
    let mut dice = Dice::of(11, rider_idx);
    let mut left = if rider_idx == 0 { 0 } else { dice.below(100) };
    let mut found = ("NL", "+31600");
    for (country, hundredths, prefix) in COUNTRIES {
        found = (country, prefix);
        match left.checked_sub(hundredths) {
            Some(rest) => left = rest,
            None => break,
        }
    }
    let (country, prefix) = found;
    let phone = (rider_idx == 0 || !dice.percent(3)).then(|| format!("{prefix}{:06}", dice.below(1_000_000)));
    Contact { country, phone }
}

/// A rider who had joined by then.
pub(super) fn active(calendar: Calendar, scale: Scale, instant: i64, dice: &mut Dice) -> u64 {
    let n_joined = (calendar.share(FIRST_JOINED, instant) * scale.riders as f64).max(1.0);
    let share = dice.share();
    // Those who joined early ride more.
    (n_joined * share * (0.5 + 0.5 * share)) as u64
}

struct Rider {
    name: String,
    email: String,
    birth_date: Option<NaiveDate>,
    consent_marketing: bool,
    created_at: i64,
}

fn rider(calendar: Calendar, scale: Scale, rider_idx: u64) -> Rider {
    let mut dice = Dice::of(12, rider_idx);
    let created_at = calendar.at(FIRST_JOINED, rider_idx as f64 / scale.riders as f64);
    let birth_date = (!dice.percent(5)).then(|| calendar.date_before(365 * 16 + dice.below(365 * 60)));
    if rider_idx == 0 {
        let birth_date = NaiveDate::from_ymd_opt(1990, 4, 12);
        return Rider {
            name: "Anna Petrov".into(),
            email: "a.petrov@example.com".into(),
            birth_date,
            consent_marketing: true,
            created_at,
        };
    }
    let ((first, initial), (last, address)) = (dice.pick(&FIRST_NAMES), dice.pick(&LAST_NAMES));
    let domain = dice.pick(&["example.com", "example.org", "example.net"]);
    Rider {
        name: format!("{first} {last}"),
        email: format!("{initial}.{address}{rider_idx}@{domain}"),
        birth_date,
        consent_marketing: dice.percent(40),
        created_at,
    }
}

/// E-mail address of a rider.
pub(super) fn email(calendar: Calendar, scale: Scale, rider_idx: u64) -> String {
    rider(calendar, scale, rider_idx).email
}

pub(super) fn write(path: &Path, calendar: Calendar, scale: Scale) -> io::Result<()> {
    let mut out = files::create(path)?;
    writeln!(out, "rider_id,name,email,phone,birth_date,home_country,consent_marketing,created_at")?;
    for rider_idx in 0..scale.riders {
        let (contact, rider) = (contact(rider_idx), rider(calendar, scale, rider_idx));
        writeln!(
            out,
            "{},{},{},{},{},{},{},{}",
            rider_id(rider_idx),
            rider.name,
            rider.email,
            contact.phone.unwrap_or_default(),
            rider.birth_date.map(|date| date.to_string()).unwrap_or_default(),
            contact.country,
            rider.consent_marketing,
            calendar::text(rider.created_at),
        )?;
    }
    out.flush()
}
