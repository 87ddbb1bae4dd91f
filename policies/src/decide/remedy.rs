//! Why something is withheld and, in one sentence, what would give it.

use arrow_schema::DataType;

use crate::condition::Condition;
use crate::decide::tags::Choice;
use crate::decide::{Case, CompiledAsker};
use crate::rulebook::{Effect, Rule, Shows};
use crate::{PolicySet, Treatment, Withheld, WithheldReason};

/// Rules of one tag that are looked through for a remedy.
const MAX_OFFERS: usize = 1_000;

pub(crate) fn unclassified() -> Withheld {
    let remedy = "the data owner has to classify it; what is not classified is shown to nobody".to_owned();
    Withheld { reason: WithheldReason::Unclassified, rule: None, remedy }
}

pub(crate) fn retyped(declared: String, found: &DataType) -> Withheld {
    let found = type_name(found);
    let remedy = format!("its type is `{found}` but `{declared}` was classified; the data owner has to review it");
    Withheld { reason: WithheldReason::Retyped { declared, found }, rule: None, remedy }
}

/// A column whose values no Arrow type holds exactly.
pub(crate) fn unreadable(source_type: &str) -> Withheld {
    Withheld {
        reason: WithheldReason::Unreadable { source_type: source_type.to_owned() },
        rule: None,
        remedy: "ask for a view at the source that casts it to another type, such as varchar".to_owned(),
    }
}

/// A column that a row rule or a duty needs is gone or of another type. Does not name it, since it may be hidden.
pub(crate) fn drifted(declared: &str, found: Option<&DataType>) -> Withheld {
    let found = found.map_or("no such column".to_owned(), type_name);
    let remedy = "a column that its row rules, retention, residency or erasures need is gone or has another type; the data owner has \
                  to review the table";
    let reason = WithheldReason::Retyped { declared: declared.to_owned(), found };
    Withheld { reason, rule: None, remedy: remedy.to_owned() }
}

pub(crate) fn does_not_fit(treatment: Treatment, rule: Option<String>) -> Withheld {
    let by = rule.as_ref().map(|id| format!("rule {id} allows it as")).unwrap_or_else(|| "it is allowed as".to_owned());
    let remedy = format!(
        "{by} `{}`, which does not work on its type; the data owner can allow another treatment",
        treatment.name()
    );
    Withheld { reason: WithheldReason::DoesNotFit { treatment: treatment.name().to_owned() }, rule, remedy }
}

/// A tag gives nothing.
pub(crate) fn for_tag(
    set: &PolicySet,
    asker: &CompiledAsker,
    tag: &str,
    choice: &Choice,
    fits: impl Fn(Treatment) -> bool,
) -> Withheld {
    let id_of = |number: usize| set.book.rules.get(number).map(|rule| rule.id.clone());
    if let Some((treatment, rule)) = choice.misfit {
        return does_not_fit(treatment, rule.and_then(id_of));
    }
    let offers = offers(set, asker, tag, |rule| match &rule.shows {
        Shows::Column(treatment) => fits(*treatment) && set.class.treatments.contains(treatment),
        Shows::Everything | Shows::Rows(_) => false,
    });
    let remedy = sentence(&offers, "sees it as");
    let Some(number) = choice.denied_by else {
        let nobody = "no rule gives it to anybody; the data owner can add one".to_owned();
        return Withheld { reason: WithheldReason::NoRule, rule: None, remedy: remedy.unwrap_or(nobody) };
    };
    let id = id_of(number);
    let shown = id.clone().unwrap_or_default();
    let remedy = remedy.unwrap_or_else(|| format!("no role or purpose gives it as long as rule {shown} applies"));
    Withheld { reason: WithheldReason::Denied, rule: id, remedy }
}

/// What would show more of a tag than `treatment` does.
pub(crate) fn more_than(
    set: &PolicySet,
    asker: &CompiledAsker,
    tag: &str,
    treatment: Treatment,
    fits: impl Fn(Treatment) -> bool,
) -> Option<String> {
    let rank = |wanted: Treatment| set.class.treatments.iter().position(|listed| *listed == wanted);
    let offers = offers(set, asker, tag, |rule| match &rule.shows {
        Shows::Column(other) => fits(*other) && rank(*other).is_some_and(|other| Some(other) < rank(treatment)),
        Shows::Everything | Shows::Rows(_) => false,
    });
    sentence(&offers, "sees it as")
}

/// No row rule is granted.
pub(crate) fn no_row_grant(case: Case<'_>, denied_by: Option<String>) -> Withheld {
    let offers = offers(case.set, case.asker, &case.class.rows, |rule| match &rule.shows {
        Shows::Rows(name) => case.set.class.row_rules_of(case.table).any(|spec| spec.name == *name),
        Shows::Everything | Shows::Column(_) => false,
    });
    let nobody = match &denied_by {
        Some(id) => format!("rule {id} denies its rows; no role or purpose gives them as long as that rule applies"),
        None => "no rule grants its rows to anybody; the data owner can add one".to_owned(),
    };
    Withheld {
        reason: WithheldReason::NoRowGrant,
        rule: denied_by,
        remedy: sentence(&offers, "reads its rows as").unwrap_or(nobody),
    }
}

/// A rule that would give something, and how far the asker is from it.
pub(crate) struct Offer<'a> {
    rule: &'a Rule,
    /// Fewer and easier changes first: condition, purpose, role.
    distance: u8,
    needs_role: bool,
    needs_purpose: bool,
    needs_condition: bool,
    /// Whether the rule's purpose is one that may be declared, and not a parent of such.
    names_purpose: bool,
}

/// Rules that would give the tag to somebody, nearest first.
pub(crate) fn offers<'a>(
    set: &'a PolicySet,
    asker: &CompiledAsker,
    tag: &str,
    wanted: impl Fn(&Rule) -> bool,
) -> Vec<Offer<'a>> {
    let tag = format!("tag:{tag}");
    let above = set.above(&tag);
    let numbers = above.iter().flat_map(|tag| set.index.rules_on(tag).iter().take(MAX_OFFERS));
    let rules: Vec<&Rule> = numbers.filter_map(|number| set.book.rules.get(*number)).collect();
    let denies: Vec<&Rule> = rules.iter().copied().filter(|rule| rule.effect == Effect::Deny).collect();
    let mut offers: Vec<Offer<'a>> = Vec::new();
    for rule in rules.iter().copied().filter(|rule| rule.effect == Effect::Allow && wanted(rule)) {
        let needs_role = !asker.standpoint.subjects.contains(&rule.subject);
        // Rules for one person are that person's business.
        if needs_role && rule.subject.starts_with("user:") {
            continue;
        }
        if denies.iter().any(|deny| stays_denied(set, asker, deny, rule)) {
            continue;
        }
        let needs_purpose =
            !asker.standpoint.purposes.contains(&rule.purpose) || !set.knows_purpose(&asker.asker.purpose);
        let needs_condition = !rule.condition.holds(&asker.asker.env.dc, asker.asker.env.today);
        // A rule that has run out gives nothing to anybody.
        if needs_condition && matches!(rule.condition, Condition::Until(_)) {
            continue;
        }
        let distance = 4 * u8::from(needs_role) + 2 * u8::from(needs_purpose) + u8::from(needs_condition);
        let names_purpose = rule.purpose.strip_prefix("purpose:").is_some_and(|name| set.knows_purpose(name));
        offers.push(Offer { rule, distance, needs_role, needs_purpose, needs_condition, names_purpose });
    }
    offers.sort_by(|a, b| (is_blank(a.rule), a.distance, &a.rule.id).cmp(&(is_blank(b.rule), b.distance, &b.rule.id)));
    offers
}

/// Whether a deny that holds for the asker today would still take the offer away.
fn stays_denied(set: &PolicySet, asker: &CompiledAsker, deny: &Rule, offer: &Rule) -> bool {
    asker.standpoint.subjects.contains(&deny.subject)
        && deny.shows.may_match(&offer.shows.text())
        && deny.condition == Condition::Always
        && set.book.purposes.with_ancestors([offer.purpose.as_str()]).contains(&deny.purpose)
}

/// Offers that show nothing are the last resort.
fn is_blank(rule: &Rule) -> bool {
    matches!(rule.shows, Shows::Column(Treatment::Null | Treatment::Redact))
}

/// The nearest offer, and the nearest that gives something else.
fn sentence(offers: &[Offer<'_>], verb: &str) -> Option<String> {
    let first = offers.first()?;
    let second = offers.iter().find(|offer| offer.rule.shows != first.rule.shows && !is_blank(offer.rule));
    let mut text = first.describe(verb);
    if let Some(second) = second {
        text.push_str("; ");
        text.push_str(&second.describe(verb));
    }
    Some(text)
}

impl Offer<'_> {
    /// Such as: role `fraud_analyst` with purpose `fraud` sees it as `hash` (rule FR-01)
    pub(crate) fn describe(&self, verb: &str) -> String {
        let role = self.rule.subject.split_once(':').map_or("", |(_, name)| name);
        let purpose = self.rule.purpose.split_once(':').map_or("", |(_, name)| name);
        let who = if self.needs_role { format!("role `{role}`") } else { "your role".to_owned() };
        let why = match (self.needs_purpose, self.names_purpose) {
            (true, false) => format!(" with a purpose of `{purpose}`"),
            (true, true) => format!(" with purpose `{purpose}`"),
            (false, true) if self.needs_role => format!(" with purpose `{purpose}`"),
            (false, _) => String::new(),
        };
        let place = match (&self.rule.condition, self.needs_condition) {
            (Condition::DcIs(dc), true) => format!(", delivered to `{dc}`,"),
            (Condition::DcIsNot(dc), true) => format!(", delivered elsewhere than to `{dc}`,"),
            (Condition::Always | Condition::DcIs(_) | Condition::DcIsNot(_) | Condition::Until(_), _) => String::new(),
        };
        let shown = self.rule.shows.text();
        let shown = shown.strip_prefix("rows:").unwrap_or(&shown);
        format!("{who}{why}{place} {verb} `{shown}` (rule {})", self.rule.id)
    }
}

/// A type without the names of its fields, which may be hidden.
fn type_name(data_type: &DataType) -> String {
    match data_type {
        DataType::Struct(_) => "Struct".to_owned(),
        DataType::Map(_, _) => "Map".to_owned(),
        DataType::Union(_, _) => "Union".to_owned(),
        DataType::RunEndEncoded(_, values) => type_name(values.data_type()),
        DataType::Dictionary(_, values) => type_name(values),
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::FixedSizeList(item, _)
        | DataType::ListView(item)
        | DataType::LargeListView(item) => {
            format!("List({})", type_name(item.data_type()))
        }
        other => other.to_string(),
    }
}
