"""An explanation as plain text, in English: for terminals, files and letters."""

from collections.abc import Iterator, Sequence
from typing import Final

from services.incentives.domain.schemes import Mark
from services.incentives.explanations import (
    ClientExplained,
    ClientUnderScheme,
    CounterTold,
    FigureRow,
    FiguresExplained,
    FiguresUnderScheme,
    MonthTotal,
    PaymentTold,
    RuleTold,
    StepTold,
)
from services.incentives.formulas import euros, percent

HIDDEN: Final = "hidden"
_MARKS: Final = {
    Mark.STATED: "stated",
    Mark.RECOMPUTED: "recomputed from public figures",
    Mark.PROPOSAL: "proposal",
    Mark.UNCONFIRMED: "UNCONFIRMED",
}


def client_text(told: ClientExplained) -> str:
    """Write a client's explanation."""
    return _joined(_client_lines(told))


def figures_text(told: FiguresExplained) -> str:
    """Write the explanation of figures."""
    return _joined(_figures_lines(told))


def _joined(lines: Iterator[str]) -> str:
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _client_lines(told: ClientExplained) -> Iterator[str]:
    yield f"Client {told.client}, as of {told.as_of}"
    yield told.note
    for scheme in told.schemes:
        yield ""
        yield from _under(scheme, told.counters, told.steps)


def _under(scheme: ClientUnderScheme, counters: Sequence[CounterTold], steps: Sequence[StepTold]) -> Iterator[str]:
    yield from _heading(scheme.label, scheme.scheme, scheme.kind)
    yield from _rules(scheme.rules)
    obeyed = {part.value for rule in scheme.rules for part in rule.parts if part.part == "counter"}
    for one in counters:
        if one.counter in obeyed:
            yield f"Counter {one.counter} set to {one.days} on {one.on} ({one.reason}): {_fact(one)}"
    for step in steps if scheme.needs_steps else ():
        yield f"From {step.start}: {_step(step)}"
    for payment in scheme.payments:
        yield from _payment(payment)
    for month in scheme.months:
        yield f"{month.month}, payer {month.municipality or 'not known'}, {month.standing}: {euros(month.cents)}"
    yield f"Total: {euros(scheme.cents)}"


def _step(told: StepTold) -> str:
    if told.step is None:
        return "no step is known"
    return f"step {told.step}, higher than any before" if told.rise else f"step {told.step}"


def _heading(label: str, name: str, kind: str) -> Iterator[str]:
    title = f"{label} ({name}, {kind})"
    yield title
    yield "=" * len(title)


def _fact(told: CounterTold | PaymentTold) -> str:
    return f"fact {told.id} of {told.source}"


def _payment(told: PaymentTold) -> Iterator[str]:
    yield f"Payment of {told.posted_on}: {_fact(told)}, batch {told.batch}"
    yield f"  {told.period_start} to {told.period_end}, {told.days} days of {told.benefit}, {told.basis}"
    counter = f"{told.rule}, counter {told.counter_before} → {told.counter_after}" if told.rule else "no rule holds"
    yield f"  payer {told.municipality or 'not known'}; {counter}; {told.base} {euros(told.base_cents)}"
    for piece in told.pieces:
        yield f"  {piece.cost_class}: {piece.formula}"
        yield f"    {_ground(piece.mark, piece.reference)}"
    yield f"  Share: {euros(told.cents)}"


def _figures_lines(told: FiguresExplained) -> Iterator[str]:
    months = told.start if told.start == told.end else f"{told.start} to {told.end}"
    place = f"municipality {told.municipality}" if told.municipality else "all municipalities"
    classes = f", class {told.cost_class}" if told.cost_class else ""
    as_of = f", as of {told.as_of}" if told.as_of else ""
    yield f"Costs of {months}, {place}{classes}{as_of}"
    yield told.note
    for scheme in told.schemes:
        yield ""
        yield from _figures(scheme)


def _figures(scheme: FiguresUnderScheme) -> Iterator[str]:
    yield from _heading(scheme.label, scheme.scheme, scheme.kind)
    yield from _rules(scheme.rules)
    for total in scheme.totals:
        yield f"{total.month}, {total.standing}"
        for row in scheme.rows:
            if row.month == total.month:
                yield from _row(row)
        yield f"  Month: {_month(total)}"
    yield f"Total: {_euros(scheme.cents)}"


def _row(row: FigureRow) -> Iterator[str]:
    counts = f"{_count(row.clients)} clients, {_count(row.payments)} payments, {_count(row.days)} days"
    yield f"  {row.cost_class}: {row.formula or f'{percent(row.percent)}, {_euros(row.cents)}'}"
    yield f"    {counts}"
    yield f"    {_ground(row.mark, row.reference)}"


def _month(total: MonthTotal) -> str:
    return f"{_count(total.clients)} clients, {_count(total.days)} days, {_euros(total.cents)}"


def _count(number: int | None) -> str:
    return HIDDEN if number is None else str(number)


def _euros(cents: int | None) -> str:
    return HIDDEN if cents is None else euros(cents)


def _rules(rules: Sequence[RuleTold]) -> Iterator[str]:
    for rule in rules:
        since = f" from {rule.start}" if rule.start else ""
        until = f" until before {rule.end}" if rule.end else ""
        yield f"Rule {rule.rule}, periods that begin{since}{until}:" if since or until else f"Rule {rule.rule}:"
        for part in rule.parts:
            yield f"  {part.part}: {part.said}"
            yield f"    {_ground(part.mark, part.reference)}"


def _ground(mark: Mark, reference: str) -> str:
    return f"[{_MARKS[mark]}] {reference}"
