//! casbin, and nothing else in the crate knows it: may this asker see this tag in this treatment?
//!
//! casbin evaluates the fixed matcher and effect over the rules that could match. We hand it only the rules whose
//! subject, purpose and tag are the asker's or above them, because it walks all rules it has (about a microsecond each),
//! and our own links, because its role graph overlooks what is ten steps away. An error or a panic inside denies.

use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use casbin::function_map::OperatorFunction;
use casbin::rhai::{Dynamic, ImmutableString};
use casbin::{
    CoreApi, DefaultEffector, DefaultModel, EffectKind, Effector, EffectorStream, Enforcer, MatchingFn, RoleManager,
};
use futures::FutureExt;
use parking_lot::{Mutex, RwLock};

use crate::condition::{Condition, parse_date};
use crate::model;
use crate::rulebook::{Effect, Rule};

/// Enforcers that wait for their next question. One is used by one caller at a time, since its rules are swapped.
#[derive(Default)]
pub(crate) struct Judge {
    idle: Mutex<Vec<Seat>>,
}

/// More idle enforcers than this are dropped.
const MAX_IDLE: usize = 16;

/// Who asks, as casbin sees it. Names carry their prefixes.
#[derive(Debug)]
pub(crate) struct Standpoint {
    /// `user:NAME`
    pub(crate) subject: String,
    /// The subject, its roles and all roles above.
    pub(crate) subjects: Arc<HashSet<String>>,
    /// `purpose:NAME`
    pub(crate) purpose: String,
    /// The purpose and all above.
    pub(crate) purposes: Arc<HashSet<String>>,
    /// Where the result goes, and the day; see [`env_text`].
    pub(crate) env: String,
}

/// What casbin said about one tag and one treatment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Verdict {
    pub(crate) allowed: bool,
    /// Rules that matched and allow, as numbers in the rule book.
    pub(crate) allows: Vec<usize>,
    /// Rules that matched and deny.
    pub(crate) denies: Vec<usize>,
}

/// The environment as one text, which `cond` takes apart again. The date comes first, so that no name of a data centre
/// can pass for one.
pub(crate) fn env_text(dc: &str, today: chrono::NaiveDate) -> String {
    format!("{today};{dc}")
}

impl Judge {
    /// Asks casbin one question over `rules`; whatever goes wrong, the answer is no.
    pub(crate) fn ask(
        &self,
        who: &Standpoint,
        tag: &str,
        tags: &Arc<HashSet<String>>,
        shows: &str,
        rules: &[(usize, &Rule)],
    ) -> Verdict {
        // With no rule at all there is nothing to ask: casbin would evaluate the matcher once over empty texts.
        if rules.is_empty() {
            return Verdict::default();
        }
        let waiting = self.idle.lock().pop();
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let mut seat = match waiting {
                Some(seat) => seat,
                None => Seat::new()?,
            };
            let verdict = seat.ask(who, tag, tags, shows, rules)?;
            Some((seat, verdict))
        }));
        // An enforcer that failed or panicked is gone with the closure.
        let Ok(Some((seat, verdict))) = outcome else {
            return Verdict::default();
        };
        let mut idle = self.idle.lock();
        if idle.len() < MAX_IDLE {
            idle.push(seat);
        }
        verdict
    }
}

/// One enforcer with the places where we put links in and take effects out.
struct Seat {
    enforcer: Enforcer,
    links: Arc<RwLock<Links>>,
    effects: Arc<Mutex<Vec<EffectKind>>>,
}

impl Seat {
    fn new() -> Option<Self> {
        // Nothing here waits for anything, so the futures are done at the first poll.
        let model = DefaultModel::from_str(model::FIXED).now_or_never()?.ok()?;
        let mut enforcer = Enforcer::new(model, ()).now_or_never()?.ok()?;
        enforcer.add_function("treatmentMatch", OperatorFunction::Arg2(treatment_match));
        enforcer.add_function("cond", OperatorFunction::Arg2(condition_holds));
        let links = Arc::new(RwLock::new(Links::default()));
        let manager: Arc<RwLock<dyn RoleManager>> = Arc::clone(&links) as Arc<RwLock<dyn RoleManager>>;
        enforcer.set_role_manager(manager).ok()?;
        let effects = Arc::new(Mutex::new(Vec::new()));
        enforcer.set_effector(Box::new(Recorder { effects: Arc::clone(&effects) }));
        Some(Self { enforcer, links, effects })
    }

    fn ask(
        &mut self,
        who: &Standpoint,
        tag: &str,
        tags: &Arc<HashSet<String>>,
        shows: &str,
        rules: &[(usize, &Rule)],
    ) -> Option<Verdict> {
        self.links.write().set(who, tag, tags);
        let stored = self.enforcer.get_mut_model().get_mut_model().get_mut("p")?.get_mut("p")?.get_mut_policy();
        stored.clear();
        for (_, rule) in rules {
            stored.insert(row_of(rule));
        }
        if stored.len() != rules.len() {
            return None;
        }
        self.effects.lock().clear();
        let request: Vec<ImmutableString> =
            [who.subject.as_str(), &who.purpose, tag, shows, &who.env].map(ImmutableString::from).to_vec();
        let allowed = self.enforcer.enforce(request).ok()?;
        let effects = std::mem::take(&mut *self.effects.lock());
        if effects.len() != rules.len() {
            return None;
        }
        let mut verdict = Verdict { allowed, ..Verdict::default() };
        for ((number, _), effect) in rules.iter().zip(effects) {
            match effect {
                EffectKind::Allow => verdict.allows.push(*number),
                EffectKind::Deny => verdict.denies.push(*number),
                EffectKind::Indeterminate => {}
            }
        }
        Some(verdict)
    }
}

/// The fields of a rule in the order of the model.
fn row_of(rule: &Rule) -> Vec<String> {
    let effect = match rule.effect {
        Effect::Allow => "allow",
        Effect::Deny => "deny",
    };
    vec![
        rule.id.clone(),
        rule.subject.clone(),
        rule.purpose.clone(),
        rule.tag.clone(),
        rule.shows.text(),
        rule.condition.to_string(),
        effect.to_owned(),
    ]
}

/// `treatmentMatch(asked, of the rule)`
fn treatment_match(asked: Dynamic, of_rule: Dynamic) -> Dynamic {
    let (Ok(asked), Ok(of_rule)) = (asked.into_immutable_string(), of_rule.into_immutable_string()) else {
        return Dynamic::FALSE;
    };
    Dynamic::from(of_rule == "*" || asked == of_rule)
}

/// `cond(of the rule, env)`
fn condition_holds(of_rule: Dynamic, env: Dynamic) -> Dynamic {
    let (Ok(of_rule), Ok(env)) = (of_rule.into_immutable_string(), env.into_immutable_string()) else {
        return Dynamic::FALSE;
    };
    let Some((today, dc)) = env.split_once(';') else {
        return Dynamic::FALSE;
    };
    let (Some(today), Some(condition)) = (parse_date(today), Condition::read(&of_rule)) else {
        return Dynamic::FALSE;
    };
    Dynamic::from(condition.holds(dc, today))
}

/// Ancestors of the three names that a question is about; stands in for casbin's own role graph.
#[derive(Default)]
struct Links {
    ancestors: HashMap<String, Arc<HashSet<String>>>,
}

impl Links {
    fn set(&mut self, who: &Standpoint, tag: &str, tags: &Arc<HashSet<String>>) {
        self.ancestors.clear();
        self.ancestors.insert(who.subject.clone(), Arc::clone(&who.subjects));
        self.ancestors.insert(who.purpose.clone(), Arc::clone(&who.purposes));
        self.ancestors.insert(tag.to_owned(), Arc::clone(tags));
    }
}

impl RoleManager for Links {
    fn clear(&mut self) {
        self.ancestors.clear();
    }

    // casbin has no links of its own to add: the enforcer's `g` policies are empty.
    fn add_link(&mut self, _: &str, _: &str, _: Option<&str>) {}

    fn matching_fn(&mut self, _: Option<MatchingFn>, _: Option<MatchingFn>) {}

    fn delete_link(&mut self, _: &str, _: &str, _: Option<&str>) -> casbin::Result<()> {
        Ok(())
    }

    fn has_link(&self, name: &str, ancestor: &str, _: Option<&str>) -> bool {
        self.ancestors.get(name).is_some_and(|ancestors| ancestors.contains(ancestor))
    }

    fn get_roles(&self, name: &str, _: Option<&str>) -> Vec<String> {
        self.ancestors.get(name).map(|ancestors| ancestors.iter().cloned().collect()).unwrap_or_default()
    }

    fn get_users(&self, _: &str, _: Option<&str>) -> Vec<String> {
        Vec::new()
    }
}

/// casbin's own effector, which also keeps the effect of each rule, so that we can tell which rules decided.
struct Recorder {
    effects: Arc<Mutex<Vec<EffectKind>>>,
}

impl Effector for Recorder {
    fn new_stream(&self, expression: &str, n_rules: usize) -> Box<dyn EffectorStream> {
        let inner = DefaultEffector.new_stream(expression, n_rules);
        Box::new(RecorderStream { inner, is_decided: false, left: n_rules, effects: Arc::clone(&self.effects) })
    }
}

struct RecorderStream {
    inner: Box<dyn EffectorStream>,
    is_decided: bool,
    left: usize,
    effects: Arc<Mutex<Vec<EffectKind>>>,
}

impl EffectorStream for RecorderStream {
    fn next(&self) -> bool {
        self.inner.next()
    }

    fn push_effect(&mut self, effect: EffectKind) -> bool {
        self.effects.lock().push(effect);
        self.left = self.left.saturating_sub(1);
        // Once casbin has decided it must hear nothing more: an allow after a deny would turn it round.
        if !self.is_decided {
            self.is_decided = self.inner.push_effect(effect);
        }
        self.left == 0
    }
}

#[cfg(test)]
mod agreement;
#[cfg(test)]
mod traps;
