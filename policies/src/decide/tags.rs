//! What one asker may see of one tag.

use std::collections::BTreeSet;

use crate::decide::CompiledAsker;
use crate::rulebook::Shows;
use crate::rules::Verdict;
use crate::{PolicySet, Treatment};

/// One answer for each treatment, from most to least revealing.
#[derive(Debug)]
pub(crate) struct TagAnswer {
    pub(crate) steps: Vec<Step>,
}

/// The answer about one treatment.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) treatment: Treatment,
    pub(crate) verdict: Verdict,
}

/// The treatment that a tag gives to a column, or why none.
#[derive(Debug, Default)]
pub(crate) struct Choice {
    pub(crate) treatment: Option<Treatment>,
    /// Rules that decided, as numbers in the rule book.
    pub(crate) rules: BTreeSet<usize>,
    /// The rule that denied what would otherwise have been given.
    pub(crate) denied_by: Option<usize>,
    /// The most revealing treatment that is allowed but does not work on the type, and a rule that allows it.
    pub(crate) misfit: Option<(Treatment, Option<usize>)>,
}

impl TagAnswer {
    pub(crate) fn ask(set: &PolicySet, asker: &CompiledAsker, tag: &str) -> Self {
        let question = asker.about(set, &format!("tag:{tag}"));
        let ask = |treatment: &Treatment| Step { treatment: *treatment, verdict: question.ask(treatment.name()) };
        Self { steps: set.class.treatments.iter().map(ask).collect() }
    }

    /// The first allowed treatment that fits.
    pub(crate) fn choose(&self, set: &PolicySet, fits: impl Fn(Treatment) -> bool) -> Choice {
        let mut choice = Choice::default();
        for step in &self.steps {
            let verdict = &step.verdict;
            if verdict.allowed && fits(step.treatment) {
                choice.rules.extend(&verdict.allows);
                choice.treatment = Some(step.treatment);
                return choice;
            }
            if verdict.allowed {
                choice.misfit = choice.misfit.or(Some((step.treatment, verdict.allows.first().copied())));
            }
            // A deny decides where it takes something away, or where it closes the tag as a whole.
            let closes =
                |number: &&usize| set.book.rules.get(**number).is_some_and(|rule| rule.shows == Shows::Everything);
            let denies: Vec<usize> = match verdict.allows.is_empty() {
                true => verdict.denies.iter().filter(closes).copied().collect(),
                false => verdict.denies.clone(),
            };
            choice.denied_by = choice.denied_by.or(denies.first().copied());
            choice.rules.extend(denies);
        }
        choice
    }
}
