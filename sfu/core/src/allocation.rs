//! What of each source one receiver is sent: shares of what its path carries.
//!
//! `views, layers' rates, estimate → **allocation** → allotting (targets)`
//!
//! A rule without state.  Everybody's lowest step comes first, the more important before the others; then the steps up, all
//! of one importance in turn before the next: nobody sees a sharp speaker at the price of a picture that stands still.
//!
//! ```text
//!  budget 1,000     speaker (150)  [100 400 1,500]      others (100)  [100 400 1,500]
//!  lowest           100                                  100            100
//!  up               400                                  100            400      next step: 1,300 in all
//! ```

/// Steps of one source at most: the temporal layers of its lowest layer, its spatial or its other layers.
pub const MAX_STEPS: usize = 10;

/// A step up has to fit with so much to spare, in percent, so that a wavering estimate changes nothing.
const UP: u64 = 115;

/// One way to send a source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// Its layer.
    pub layer: u8,
    /// The highest temporal layer that is let through.
    pub temporal: u8,
    /// The highest spatial layer of its stream that is.
    pub spatial: u8,
    /// Bits a second.
    pub rate: u32,
}

/// What one seat has use for, and what it gets.
#[derive(Clone, Copy, Debug, Default)]
pub struct Demand {
    /// More is served first.
    pub priority: u8,
    /// From the least on.
    steps: [Step; MAX_STEPS],
    len: u8,
    /// The rate that it has now.
    pub has: u32,
    /// How much of the lowest step has to fit for it to be given.
    patience: Patience,
    /// It gets nothing for now, however much there is.
    is_closed: bool,
    given: Option<u8>,
}

/// How much of its lowest step a seat has to get.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Patience {
    /// None: nobody knows yet what the path carries, and a first picture is not kept from anybody by a guess.
    Blind,
    /// Most: it is shown already, and estimates are no more exact than that.
    Patient,
    /// All: it is paused, and does not come back to go again.
    #[default]
    Strict,
}

impl Patience {
    /// In percent.
    fn share(self) -> u64 {
        match self {
            Self::Blind => 0,
            Self::Patient => 80,
            Self::Strict => 100,
        }
    }
}

impl Demand {
    /// Nothing to choose from yet.
    pub fn new(priority: u8, has: u32, patience: Patience) -> Self {
        Self {
            priority,
            has,
            patience,
            ..Self::default()
        }
    }

    /// Gives it nothing, whatever fits: what it would take is told all the same.
    pub fn close(&mut self) {
        self.is_closed = true;
    }

    /// A further way, which costs more than those before; what does not is left out.
    pub fn offer(&mut self, step: Step) {
        let last = self.steps().last();
        let is_more = last.is_none_or(|last| step.rate > last.rate || step.layer > last.layer);
        if let Some(place) = self
            .steps
            .get_mut(usize::from(self.len))
            .filter(|_| is_more)
        {
            *place = step;
            self.len += 1;
        }
    }

    fn steps(&self) -> &[Step] {
        self.steps.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// What it gets; `None`: nothing fits, or there is nothing.
    pub fn given(&self) -> Option<Step> {
        self.steps().get(usize::from(self.given?)).copied()
    }

    /// There is a step up that it did not get.
    pub fn is_denied(&self) -> bool {
        self.next().is_some()
    }

    fn next(&self) -> Option<(u8, Step)> {
        let next = self.given.map_or(0, |given| given + 1);
        let step = self.steps().get(usize::from(next))?;
        Some((next, *step))
    }

    /// What a step takes of the budget.
    fn cost(&self, step: Step) -> u64 {
        let is_lowest = self.steps().first() == Some(&step);
        let percent = match is_lowest {
            true => self.patience.share(),
            false if step.rate > self.has => UP,
            false => 100,
        };
        u64::from(step.rate) * percent / 100
    }

    fn cost_now(&self) -> u64 {
        self.given().map_or(0, |step| self.cost(step))
    }
}

/// What an allocation comes to, in bits a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// With everything that there is use for.
    pub most: u64,
    /// With the first step up that did not fit; 0: all did.
    pub next_step: u64,
}

/// Gives out at most `budget` bits a second.
pub fn allocate(budget: u64, demands: &mut [Demand]) -> Sums {
    let mut used = 0;
    let mut raise = |demand: &mut Demand| {
        let Some((next, step)) = demand.next() else {
            return false;
        };
        let more = demand.cost(step).saturating_sub(demand.cost_now());
        let fits = used + more <= budget && !demand.is_closed;
        if fits {
            used += more;
            demand.given = Some(next);
        }
        fits
    };
    let mut bound = None;
    while let Some(priority) = highest_below(bound, demands) {
        let equals = |demand: &&mut Demand| demand.priority == priority;
        demands.iter_mut().filter(equals).for_each(|demand| {
            raise(demand);
        });
        bound = Some(priority);
    }
    bound = None;
    while let Some(priority) = highest_below(bound, demands) {
        let equals = |demand: &&mut Demand| demand.priority == priority && demand.given.is_some();
        let mut raise_all = || {
            let all = demands.iter_mut().filter(equals);
            all.filter_map(|demand| raise(demand).then_some(())).count() > 0
        };
        while raise_all() {}
        bound = Some(priority);
    }
    sums(demands)
}

/// The highest priority of all below this one.
fn highest_below(bound: Option<u8>, demands: &[Demand]) -> Option<u8> {
    let priorities = demands.iter().map(|demand| demand.priority);
    let is_below = |&priority: &u8| bound.is_none_or(|bound| priority < bound);
    priorities.filter(is_below).max()
}

fn sums(demands: &[Demand]) -> Sums {
    let rate = |step: Option<&Step>| step.map_or(0, |step| u64::from(step.rate));
    let most = demands
        .iter()
        .map(|demand| rate(demand.steps().last()))
        .sum();
    let used: u64 = demands
        .iter()
        .map(|demand| rate(demand.given().as_ref()))
        .sum();
    // The first of the most important ones that were denied something.
    let denied = demands.iter().rev().filter_map(|demand| {
        let (_, step) = demand.next()?;
        let more = u64::from(step.rate) * UP / 100;
        Some((
            demand.priority,
            more.saturating_sub(rate(demand.given().as_ref())),
        ))
    });
    let denied = denied.max_by_key(|&(priority, _)| priority);
    Sums {
        most,
        next_step: denied.map_or(0, |(_, more)| used + more),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn demand(priority: u8, has: u32, rates: &[u32]) -> Demand {
        let mut demand = Demand::new(priority, has, Patience::Strict);
        for (layer, &rate) in rates.iter().enumerate() {
            demand.offer(Step {
                layer: layer as u8,
                rate,
                ..Step::default()
            });
        }
        demand
    }

    fn given(budget: u64, demands: &mut [Demand]) -> (Vec<Option<u32>>, Sums) {
        let sums = allocate(budget, demands);
        let rates = demands.iter().map(|one| one.given().map(|step| step.rate));
        (rates.collect(), sums)
    }

    const CAMERA: &[u32] = &[100, 400, 1_500];

    #[test]
    fn everybodys_lowest_comes_before_anybodys_highest() {
        let mut demands = [
            demand(150, 0, CAMERA),
            demand(100, 0, CAMERA),
            demand(100, 0, CAMERA),
        ];
        let (rates, _) = given(345, &mut demands);
        assert_eq!(rates, [Some(100); 3]);
        let (rates, _) = given(
            199,
            &mut [demands[0], demands[1], demands[2]].map(|one| Demand { given: None, ..one }),
        );
        assert_eq!(rates, [Some(100), None, None]);
    }

    #[test]
    fn the_more_important_goes_up_first_and_equals_in_turn() {
        let mut demands = [
            demand(100, 0, CAMERA),
            demand(150, 0, CAMERA),
            demand(100, 0, CAMERA),
        ];
        let (rates, sums) = given(1_150, &mut demands);
        assert_eq!(rates, [Some(400), Some(400), Some(100)]);
        assert_eq!(
            sums,
            Sums {
                most: 4_500,
                next_step: 500 + 1_725
            }
        );
    }

    #[test]
    fn what_is_there_already_stays_without_margin_and_more_needs_it() {
        let stays = |budget, has| given(budget, &mut [demand(100, has, CAMERA)]).0[0];
        assert_eq!(stays(400, 400), Some(400));
        assert_eq!(stays(459, 100), Some(100));
        assert_eq!(stays(460, 100), Some(400));
        assert_eq!(stays(399, 400), Some(100));
    }

    #[test]
    fn with_room_for_all_nothing_more_is_wanted() {
        let (rates, sums) = given(u64::MAX, &mut [demand(100, 0, CAMERA), demand(9, 0, &[50])]);
        assert_eq!(rates, [Some(1_500), Some(50)]);
        assert_eq!(
            sums,
            Sums {
                most: 1_550,
                next_step: 0
            }
        );
    }

    #[test]
    fn without_room_for_the_least_nothing_is_given_and_the_least_is_the_next_step() {
        let (rates, sums) = given(90, &mut [demand(100, 0, CAMERA)]);
        assert_eq!((rates[0], sums.next_step), (None, 115));
        assert_eq!(given(0, &mut []).1, Sums::default());
    }

    #[test]
    fn the_least_is_given_up_only_where_it_is_far_too_much_and_not_by_a_guess() {
        let least = |patience, budget| {
            let mut demand = demand(100, 0, CAMERA);
            demand.patience = patience;
            given(budget, &mut [demand]).0[0]
        };
        assert_eq!(least(Patience::Blind, 0), Some(100));
        assert_eq!(
            (least(Patience::Patient, 80), least(Patience::Patient, 79)),
            (Some(100), None)
        );
        assert_eq!(
            (least(Patience::Strict, 100), least(Patience::Strict, 99)),
            (Some(100), None)
        );
    }

    #[test]
    fn what_is_closed_gets_nothing_and_says_what_it_would_take() {
        let mut closed = demand(100, 0, &[100]);
        closed.close();
        let (rates, sums) = given(u64::MAX, &mut [closed]);
        assert_eq!((rates[0], sums.next_step), (None, 115));
    }

    #[test]
    fn a_way_that_costs_no_more_than_a_lower_one_of_the_same_layer_is_not_a_step() {
        let mut demand = demand(100, 0, &[100]);
        demand.offer(Step {
            rate: 100,
            ..Step::default()
        });
        demand.offer(Step {
            layer: 1,
            rate: 90,
            ..Step::default()
        });
        assert_eq!(demand.steps().len(), 2);
    }

    #[test]
    fn more_steps_than_there_is_room_for_are_left_out() {
        let rates: Vec<u32> = (1..100).collect();
        let mut demand = demand(100, 0, &rates);
        allocate(u64::MAX, std::slice::from_mut(&mut demand));
        assert_eq!(demand.given().map(|step| step.rate), Some(MAX_STEPS as u32));
    }
}
