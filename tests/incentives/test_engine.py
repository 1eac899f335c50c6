"""Laws of the engine, over generated payments."""

from dataclasses import replace
from datetime import date, timedelta
from random import Random
from typing import Final

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.incentives.domain.costs import cost_lines
from services.incentives.domain.engine import Assessment, assess
from services.incentives.domain.payments import (
    UNKNOWN,
    CounterSets,
    Payment,
    StepsOfClients,
    column,
    counter_sets,
    next_paid_days,
    paid_day,
    payments_in_order,
    track,
)
from services.incentives.domain.schemes import (
    BASES,
    BENEFITS,
    COUNTERS,
    Counter,
    DayLadder,
    Effect,
    Progress,
    Rule,
    RuledPeriod,
    Scheme,
    StepLadder,
)
from services.incentives.rule_files import rule_book

unhurried = settings(deadline=None)  # how long an example takes is the machine's business
SCHEMES: Final = rule_book().schemes
CLIENTS: Final = 3
FIRST: Final = date(2024, 1, 1)
DAYS = st.integers(0, 900).map(lambda days: FIRST + timedelta(days=days))


@st.composite
def payments(draw: st.DrawFn) -> Payment:
    start = draw(DAYS)
    end = start + timedelta(days=draw(st.integers(0, 70)))
    paid = draw(st.integers(1, 500_000))
    return Payment(
        client=draw(st.integers(0, CLIENTS - 1)),
        posted_on=end + timedelta(days=draw(st.integers(0, 40))),
        batch=draw(st.sampled_from("abc")),
        period_start=start,
        period_end=end,
        days=draw(st.integers(1, 300)),
        benefit=draw(st.sampled_from(BENEFITS)),
        basis=draw(st.sampled_from(BASES)),
        paid_cents=paid,
        basic_part_cents=draw(st.integers(1, paid)),
        source=draw(st.sampled_from(("kela", "fund"))),
    )


def identified(rows: list[Payment]) -> list[Payment]:
    return [replace(row, id=f"{number:03}") for number, row in enumerate(rows)]


PAYMENTS = st.lists(payments(), max_size=25).map(identified)
SETS = st.lists(
    st.tuples(st.integers(0, CLIENTS - 1), st.sampled_from(COUNTERS), DAYS, st.integers(0, 1200)),
    max_size=4,
    unique_by=lambda row: row[:3],
)
STEPS = st.lists(
    st.tuples(st.integers(0, CLIENTS - 1), DAYS.map(date.toordinal), st.integers(-1, 7)),
    max_size=8,
    unique_by=lambda row: row[:2],
)
Sets = list[tuple[int, Counter, date, int]]
NAMES = st.sampled_from(list(SCHEMES))


def assessed(
    scheme: Scheme, rows: list[Payment], sets: CounterSets, steps: list[tuple[int, int, int]] | None = None
) -> Assessment:
    return assess(scheme, payments_in_order(rows), sets, StepsOfClients(track(steps or [])), CLIENTS)


def slow_share(percent_bp: int, base: int, days_in_class: int, days: int) -> int:
    """Return the share by the formula of the domain page, written anew in unbounded integers."""
    whole, rest = divmod(percent_bp * base * days_in_class, 10_000 * days)
    return whole + (2 * rest >= 10_000 * days)


@unhurried
@given(NAMES, PAYMENTS, SETS, STEPS)
def test_every_paid_day_and_every_cent_of_the_base_lie_in_exactly_one_piece(
    name: str, rows: list[Payment], sets: Sets, steps: list[tuple[int, int, int]]
) -> None:
    scheme = SCHEMES[name]
    ordered = payments_in_order(rows)
    found = assessed(scheme, rows, counter_sets(sets), steps)
    days, base = np.zeros_like(ordered.days), np.zeros_like(ordered.days)
    np.add.at(days, found.pieces.payment, found.pieces.days)
    np.add.at(base, found.pieces.payment, found.pieces.base_cents)
    assert days.tolist() == ordered.days.tolist()
    assert all(b in (p, q) for b, p, q in zip(base, ordered.paid_cents, ordered.basic_part_cents, strict=True))
    assert (found.pieces.days > 0).all()


@unhurried
@given(NAMES, PAYMENTS, SETS, STEPS)
def test_each_piece_costs_the_formula_s_share_and_never_more_than_the_base_by_half_a_cent(
    name: str, rows: list[Payment], sets: Sets, steps: list[tuple[int, int, int]]
) -> None:
    scheme = SCHEMES[name]
    ordered = payments_in_order(rows)
    pieces = assessed(scheme, rows, counter_sets(sets), steps).pieces
    sums = np.zeros_like(ordered.days)
    np.add.at(sums, pieces.payment, 1)
    np.add.at(sums, pieces.payment, -2 * pieces.cents)
    for row, payment in enumerate(pieces.payment.tolist()):
        days, percent = int(ordered.days[payment]), scheme.classes[pieces.cost_class[row]].percent_bp
        shares = {
            slow_share(percent, int(base[payment]), int(pieces.days[row]), days)
            for base in (ordered.paid_cents, ordered.basic_part_cents)
        }
        assert int(pieces.cents[row]) in shares
    assert (2 * ordered.paid_cents + sums >= 0).all()


@unhurried
@given(NAMES, PAYMENTS, SETS, STEPS, st.randoms())
def test_the_order_in_which_payments_come_changes_nothing(
    name: str,
    rows: list[Payment],
    sets: Sets,
    steps: list[tuple[int, int, int]],
    random: Random,
) -> None:
    first = assessed(SCHEMES[name], rows, counter_sets(sets), steps)
    shuffled, shuffled_sets = list(rows), list(sets)
    random.shuffle(shuffled)
    random.shuffle(shuffled_sets)
    second = assessed(SCHEMES[name], shuffled, counter_sets(shuffled_sets), steps)
    assert first.pieces.cents.tolist() == second.pieces.cents.tolist()
    assert first.pieces.cost_class.tolist() == second.pieces.cost_class.tolist()
    assert [days.tolist() for days in first.standing] == [days.tolist() for days in second.standing]


@unhurried
@given(NAMES, PAYMENTS, SETS, STEPS)
def test_one_client_alone_costs_what_it_costs_among_others(
    name: str, rows: list[Payment], sets: Sets, steps: list[tuple[int, int, int]]
) -> None:
    together = assessed(SCHEMES[name], rows, counter_sets(sets), steps)
    owner = payments_in_order(rows).client[together.pieces.payment]
    for client in range(CLIENTS):
        mine = [row for row in rows if row.client == client]
        alone = assessed(SCHEMES[name], mine, counter_sets(sets), steps)
        assert alone.pieces.cents.tolist() == together.pieces.cents[owner == client].tolist()
        assert [d[client] for d in alone.standing] == [d[client] for d in together.standing]


class OneDayAtATime:
    """One client's counter, kept as a person would: payment by payment in counter order, day by day."""

    def __init__(self, scheme: Scheme, client: int, sets: Sets, steps: list[tuple[int, int, int]]) -> None:
        self.scheme, self.rule, self.client = scheme, scheme.periods[0].rule, client
        self.steps = [step for step in steps if step[0] == client]
        self.stated = [one for one in sets if one[0] == client and one[1] == self.rule.counter]
        self.set_on = 0
        self.counter = 0
        self.rises = rises_one_by_one(self.steps)
        self.seen = 0
        self.remaining = 0
        self.batches: dict[tuple[str, str], int] = {}

    def classes_of(self, row: Payment) -> list[str]:
        due = [one for one in self.stated if one[2] <= row.posted_on]
        if due:
            newest = max(due, key=lambda one: one[2])
            self.set_on, self.counter = newest[2].toordinal(), newest[3]
        self.stated = [one for one in self.stated if one not in due]
        at_beginning = self.batches.setdefault((row.source, row.batch), self.counter)
        days = weekdays_one_by_one(row.period_start, row.period_end, row.days)
        if self.is_old_law and not is_shared_by_the_old_law(row):
            return ["uncounted" for _ in days]
        return [self.class_of(day, at_beginning + 1) for day in days]

    @property
    def is_old_law(self) -> bool:
        return self.scheme.name in {"fi-2006", "fi-2015"}

    def class_of(self, day: date, at_beginning: int) -> str:
        self.rise(day)
        effect, holds = self.rule.effect, self.remaining > 0
        self.remaining = max(self.remaining - 1, 0)
        if effect.progress is Progress.PAUSE and holds:
            return class_of_day(self.scheme.name, self.counter + 1, at_beginning, 0)
        self.counter += 1
        found = class_of_day(self.scheme.name, self.counter, at_beginning, step_on(self.steps, self.client, day))
        return f"relief-{found}" if effect.progress is Progress.RELIEF and holds else found

    def rise(self, day: date) -> None:
        new = [rise for rise in self.rises[self.seen :] if rise <= day.toordinal()]
        self.seen += len(new)
        effect = self.rule.effect
        if new and effect.lasts:
            self.remaining = effect.days
        for rise in new:
            if rise > self.set_on and effect.progress is Progress.CLOCK:
                self.counter = 0
            if rise > self.set_on and effect.progress is Progress.SET_BACK:
                self.counter = max(0, self.counter - effect.days)


def rises_one_by_one(steps: list[tuple[int, int, int]]) -> list[int]:
    """Return the days on which a step is higher than all before; the first one known is none."""
    known = [(day, step) for _, day, step in sorted(steps) if step != UNKNOWN]
    return [day for place, (day, step) in enumerate(known) if place and step > max(one for _, one in known[:place])]


def day_by_day(
    scheme: Scheme, rows: list[Payment], sets: Sets, steps: list[tuple[int, int, int]]
) -> list[tuple[str, int]]:
    """Return class and cents of every piece, reckoned with one counter and one day at a time, as a person would."""
    order = [of_class.name for of_class in scheme.classes]
    percents = {of_class.name: of_class.percent_bp for of_class in scheme.classes}
    found = []
    for client in range(CLIENTS):
        person = OneDayAtATime(scheme, client, sets, steps)
        for row in sorted((row for row in rows if row.client == client), key=lambda row: row.counter_order):
            classes = person.classes_of(row)
            base = row.paid_cents if person.is_old_law else row.basic_part_cents
            found += [
                (of_class, slow_share(percents[of_class], base, classes.count(of_class), row.days))
                for of_class in sorted(set(classes), key=order.index)
            ]
    return found


def fi_2025_with(name: str, effect: Effect) -> Scheme:
    """Return the law of 2025 with an `effect` of progress, for what no shipped scheme does."""
    law = SCHEMES["fi-2025"]
    rule = law.periods[0].rule
    assert isinstance(rule.ladder, DayLadder)
    relieved = tuple(
        replace(one, name=f"relief-{one.name}", percent_bp=max(0, one.percent_bp - effect.points_bp))
        for one in rule.ladder.unrelieved
    )
    ladder = replace(rule.ladder, relieved=relieved if effect.progress is Progress.RELIEF else ())
    return replace(law, name=name, periods=(RuledPeriod(replace(rule, effect=effect, ladder=ladder)),))


COUNTED_BY_HAND: Final = [
    *(SCHEMES[name] for name in ("fi-2006", "fi-2015", "fi-2025", "step-graded", "progress-pause", "progress-clock")),
    fi_2025_with("set-back", Effect(Progress.SET_BACK, 90)),
    fi_2025_with("relief", Effect(Progress.RELIEF, 60, 1500)),
    fi_2025_with("short-pause", Effect(Progress.PAUSE, 3)),
]


def is_shared_by_the_old_law(row: Payment) -> bool:
    taken_as = row.entitlement if row.benefit == "general_support" else row.benefit
    return taken_as == "labour_market_subsidy" and row.basis == "unemployment"


def class_of_day(name: str, number: int, at_beginning: int, step: int) -> str:
    if name == "fi-2006":
        return "1-500" if at_beginning <= 500 else "501-"
    if name == "fi-2015":
        return "1-300" if at_beginning <= 300 else "301-1000" if at_beginning <= 1000 else "1001-"
    if name == "step-graded":
        return "1-100" if number <= 100 else f"step-{max(step, 0)}"
    ends = {100: "1-100", 200: "101-200", 300: "201-300", 400: "301-400", 700: "401-700"}
    return next((of_class for end, of_class in ends.items() if number <= end), "701-")


def step_on(steps: list[tuple[int, int, int]], client: int, day: date) -> int:
    held = [change for change in sorted(steps) if change[0] == client and change[1] <= day.toordinal()]
    return held[-1][2] if held else UNKNOWN


@pytest.mark.parametrize("scheme", COUNTED_BY_HAND, ids=lambda scheme: scheme.name)
@settings(deadline=None, max_examples=60)
@given(PAYMENTS, SETS, STEPS)
def test_the_engine_finds_what_counting_day_by_day_finds(
    scheme: Scheme, rows: list[Payment], sets: Sets, steps: list[tuple[int, int, int]]
) -> None:
    found = assessed(scheme, rows, counter_sets(sets), steps)
    names = [scheme.classes[position].name for position in found.pieces.cost_class]
    assert list(zip(names, found.pieces.cents.tolist(), strict=True)) == day_by_day(scheme, rows, sets, steps)


@pytest.mark.parametrize("name", ["progress-pause", "progress-clock"])
@unhurried
@given(PAYMENTS, SETS, DAYS, st.integers(0, 7))
def test_without_a_rise_a_proposal_costs_what_the_law_of_2025_costs(
    name: str, rows: list[Payment], sets: Sets, day: date, step: int
) -> None:
    never_higher = [(client, day.toordinal(), step) for client in range(CLIENTS)]
    law = assessed(SCHEMES["fi-2025"], rows, counter_sets(sets))
    found = assessed(SCHEMES[name], rows, counter_sets(sets), never_higher)
    assert found.pieces.cents.tolist() == law.pieces.cents.tolist()
    assert found.standing[0].tolist() == law.standing[0].tolist()
    assert found.after.tolist() == law.after.tolist()


@pytest.mark.parametrize("scheme", COUNTED_BY_HAND, ids=lambda scheme: scheme.name)
@settings(deadline=None, max_examples=40)
@given(PAYMENTS, SETS, STEPS)
def test_the_counter_before_the_next_paid_day_is_what_one_more_payment_would_find(
    scheme: Scheme, rows: list[Payment], sets: Sets, steps: list[tuple[int, int, int]]
) -> None:
    ordered, stated = payments_in_order(rows), counter_sets(sets)
    standing = assessed(scheme, rows, stated, steps).standing[0].tolist()
    late = date(2035, 1, 1)  # after everything that is paid or set
    for client, day in enumerate(next_paid_days(ordered, stated, CLIENTS).tolist()):
        on = min(date.fromordinal(day), late)
        more = Payment(client, late, "z", on, on, 1, "labour_market_subsidy", "unemployment", 1, 1, id="more")
        found = assessed(scheme, [*rows, more], stated, [step for step in steps if step[1] <= on.toordinal()])
        (mine,) = np.flatnonzero(payments_in_order([*rows, more]).posted_on == late.toordinal())
        assert found.before[mine] == standing[client]


def free(scheme: Scheme) -> Scheme:
    def without_percents(rule: Rule) -> Rule:
        ladder = rule.ladder
        if isinstance(ladder, StepLadder):
            return replace(
                rule, ladder=replace(ladder, by_step=tuple(replace(c, percent_bp=0) for c in ladder.by_step))
            )
        return replace(rule, ladder=replace(ladder, unrelieved=tuple(replace(c, percent_bp=0) for c in ladder.classes)))

    return replace(scheme, periods=tuple(replace(p, rule=without_percents(p.rule)) for p in scheme.periods))


@unhurried
@given(NAMES, PAYMENTS, SETS, STEPS)
def test_percents_of_nil_cost_nothing(
    name: str, rows: list[Payment], sets: Sets, steps: list[tuple[int, int, int]]
) -> None:
    assert assessed(free(SCHEMES[name]), rows, counter_sets(sets), steps).pieces.cents.sum() == 0


@unhurried
@given(st.integers(0, 900), st.integers(2, 300), st.data())
def test_splitting_a_period_never_changes_the_days_of_a_class_at_a_day_boundary(
    before: int, days: int, data: st.DataObject
) -> None:
    first = data.draw(st.integers(1, days - 1))
    whole = Payment(
        0, date(2025, 6, 30), "b", date(2025, 1, 1), date(2025, 6, 30), days, "general_support", "service", 9, 9
    )
    halves = [replace(whole, days=first, id="1"), replace(whole, days=days - first, id="2")]
    carried = counter_sets([(0, "law_2025", date(2025, 1, 1), before)])

    def by_class(rows: list[Payment]) -> dict[int, int]:
        pieces = assessed(SCHEMES["fi-2025"], rows, carried).pieces
        return {int(c): int(pieces.days[pieces.cost_class == c].sum()) for c in np.unique(pieces.cost_class)}

    assert by_class([whole]) == by_class(halves)


@unhurried
@given(NAMES, PAYMENTS, SETS, STEPS)
def test_lines_by_month_and_municipality_sum_to_the_pieces(
    name: str, rows: list[Payment], sets: Sets, steps: list[tuple[int, int, int]]
) -> None:
    ordered = payments_in_order(rows)
    found = assessed(SCHEMES[name], rows, counter_sets(sets), steps)
    lines = cost_lines(found, ordered, np.where(ordered.client == 0, UNKNOWN, 167))
    assert lines.cents.sum() == found.pieces.cents.sum()
    assert lines.days.sum() == ordered.days.sum()
    months = [(date.fromordinal(day).year - 1970) * 12 + date.fromordinal(day).month - 1 for day in ordered.posted_on]
    behind = {
        (ordered.client[p], months[p], -1 if ordered.client[p] == 0 else 167, c, p)
        for p, c in zip(found.pieces.payment, found.pieces.cost_class, strict=True)
    }
    assert lines.payments.tolist() == [
        sum(key == line for *line_of, _ in behind for line in [tuple(line_of)])
        for key in zip(lines.client, lines.month, lines.municipality, lines.cost_class, strict=True)
    ]
    keys = list(zip(lines.client, lines.month, lines.municipality, lines.cost_class, strict=True))
    assert keys == sorted(set(keys))


def weekdays_one_by_one(start: date, end: date, days: int) -> list[date]:
    every = [start + timedelta(days=n) for n in range((end - start).days + 1)]
    working = [day for day in every if day.weekday() < 5]
    return (working + [end] * days)[:days]


@unhurried
@given(DAYS, st.integers(0, 40), st.integers(1, 40))
def test_paid_days_lie_on_monday_to_friday_and_any_surplus_on_the_end(start: date, length: int, days: int) -> None:
    end = start + timedelta(days=length)
    number = column(range(days))
    found = paid_day(column([start.toordinal()] * days), column([end.toordinal()] * days), number).tolist()
    assert [date.fromordinal(day) for day in found] == weekdays_one_by_one(start, end, days)


def test_days_that_cost_but_do_not_count_stay_in_the_class_of_the_counter_s_next_day() -> None:
    scheme = SCHEMES["fi-2025"]
    rule = scheme.periods[0].rule
    only_unemployment = replace(rule.count, bases=frozenset({"unemployment"}))
    paused = replace(scheme, periods=(RuledPeriod(replace(rule, count=only_unemployment)),))
    row = Payment(
        0, date(2025, 1, 31), "b", date(2025, 1, 1), date(2025, 1, 31), 20, "general_support", "service", 100, 100
    )
    found = assessed(paused, [row], counter_sets([(0, "law_2025", date(2025, 1, 1), 195)]))
    assert found.pieces.days.tolist() == [20]
    assert found.pieces.cents.tolist() == [10]
    assert found.after.tolist() == [195]


def test_days_that_count_but_do_not_cost_climb_the_ladder_for_nothing() -> None:
    scheme = SCHEMES["fi-2025"]
    rule = scheme.periods[0].rule
    only_unemployment = replace(rule.cost, bases=frozenset({"unemployment"}))
    lenient = replace(scheme, periods=(RuledPeriod(replace(rule, cost=only_unemployment)),))
    row = Payment(
        0, date(2025, 1, 31), "b", date(2025, 1, 1), date(2025, 1, 31), 20, "general_support", "service", 100, 100
    )
    found = assessed(lenient, [row], counter_sets([(0, "law_2025", date(2025, 1, 1), 195)]))
    assert found.pieces.days.tolist() == [5, 15]
    assert found.pieces.cents.tolist() == [0, 0]
    assert found.after.tolist() == [215]


def test_batches_of_two_sources_with_one_name_are_two_batches() -> None:
    row = Payment(
        0, date(2019, 1, 31), "b", date(2019, 1, 1), date(2019, 1, 15), 10,
        "labour_market_subsidy", "unemployment", 1000, 1000, source="a",
    )  # fmt: skip
    later = replace(row, source="b", period_start=date(2019, 1, 16))
    found = assessed(SCHEMES["fi-2015"], [row, later], counter_sets([(0, "old_law", date(2019, 1, 1), 290)]))
    assert found.pieces.cents.tolist() == [0, 500]


@pytest.mark.parametrize("name", list(SCHEMES))
def test_nothing_paid_costs_nothing(name: str) -> None:
    found = assessed(SCHEMES[name], [], counter_sets([]))
    assert found.pieces.cents.tolist() == []


def test_the_largest_payments_do_not_overflow() -> None:
    row = Payment(
        0, date(2025, 12, 31), "b", date(2025, 1, 1), date(2025, 12, 31), 800,
        "general_support", "unemployment", 100_000_000, 100_000_000,
    )  # fmt: skip
    found = assessed(SCHEMES["fi-2025"], [row], counter_sets([(0, "law_2025", date(2025, 1, 1), 10_000)]))
    assert found.pieces.cents.tolist() == [50_000_000]


def test_ladders_of_the_shipped_schemes_climb() -> None:
    ladders = [rule.ladder for scheme in SCHEMES.values() for rule in scheme.rules()]
    for ladder in ladders:
        if isinstance(ladder, DayLadder):
            percents = [of_class.percent_bp for of_class in ladder.unrelieved]
            assert percents == sorted(percents)
