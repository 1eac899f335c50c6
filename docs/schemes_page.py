"""The page of schemes and the drawing of each one's staircase, read off the rule files."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from services.incentives.describing import kind_of, percent, said, unit, years
from services.incentives.domain.schemes import CostClass, DayLadder, Rule, Scheme, StepLadder
from services.incentives.rule_files import rule_book

FOLDER: Final = Path(__file__).parent
PAGE: Final = FOLDER / "schemes.md"
DRAWINGS: Final = FOLDER / "schemes"

HEAD: Final = """\
# Schemes of cost responsibility

What one paid day costs the municipality, as a share of the base that the scheme names. Each scheme is a file in
`services/incentives/rules/schemes/`; every value in it has a reference and a mark: *stated* (in law or by the payer),
*recomputed* (follows from published figures), *unconfirmed*, or *proposal* (this project's own, not law).

A **step up** counts once: the first day on which a client stands on a step higher than any before. What a proposal
leaves unsaid is as in `fi-2025`. `make docs` writes this page from the rule files.

## A scheme of your own

Copy a file, name it after the scheme, change what shall be different, and have it checked and drawn:

```
askelma schemes check my-scheme.yaml
```

Put it into a folder and name that folder in `ASKELMA_SCHEMES_FOLDER`: from the next start, costs are reckoned under it
too, for all months. `askelma simulate PAYMENTS.csv --scheme my-scheme` takes it as well.

| part | may be |
| --- | --- |
| `counter` | `old_law`, `law_2025`: whose statements of days (`benefit.counter_set`) it obeys |
| `count`, `cost` | benefits, bases (unemployment, service), and whether general support is taken as its entitlement |
| `ladder` | `by: days`, `by: days_since_progress` or `by: step` |
| `boundary` | `day`: a payment is split at the very day; `payment_batch`: from the next batch on |
| `progress` | `none`, `percent_by_step`, `clock`, `pause` and `set_back` (`paid_days`), `relief` (`points` too) |
| `base` | `paid_cents`, `basic_part_cents` |

`percent_by_step` goes with a ladder by step, `clock` with one by days since progress, and what follows progress needs
the boundary `day`; another combination is refused.
"""

_WIDTH, _HEIGHT = 760, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 740, 24, 196
_BEYOND: Final = 1.25
"""How far the drawing goes on after the last stair, as a multiple of its first day."""
_NAMED: Final = 'role="img" aria-labelledby="title desc"'
_STYLE: Final = """\
<style>
  text { font-family: system-ui, "Segoe UI", Roboto, "Liberation Sans", sans-serif; font-size: 13px; fill: #15202b; }
  .paper { fill: #ffffff; }
  .note { fill: #4a5866; font-size: 12px; }
  .stair { fill: #cfe3ef; stroke: #0b4f71; stroke-width: 1.5; }
  .axis { stroke: #66747f; fill: none; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e9eef2; }
    .paper { fill: #11181f; }
    .note { fill: #b1bec9; }
    .stair { fill: #0d3d56; stroke: #8cc8ee; }
    .axis { stroke: #8796a3; }
  }
</style>
"""


def documents() -> dict[Path, str]:
    """Return the page and all drawings by where they stand."""
    schemes = rule_book().schemes.values()
    drawn = {DRAWINGS / f"{scheme.name}.svg": drawing(scheme) for scheme in schemes if _is_one_rule(scheme)}
    return {PAGE: HEAD + "".join(_section(scheme) for scheme in schemes), **drawn}


def write() -> None:
    """Write them."""
    DRAWINGS.mkdir(exist_ok=True)
    for path, text in documents().items():
        path.write_text(text, encoding="utf-8")


def _is_one_rule(scheme: Scheme) -> bool:
    return len(scheme.periods) == 1


def _section(scheme: Scheme) -> str:
    head = f"\n## {scheme.name}: {scheme.labels['en']}\n\n"
    if not _is_one_rule(scheme):
        rows = [f"- payments for periods {years(one)}: `{one.rule.name}`" for one in scheme.periods]
        return head + "\n".join(rows) + "\n"
    rule = scheme.periods[0].rule
    return head + f"{_capital(kind_of(scheme))}.\n\n{_picture(scheme, rule)}\n\n" + "\n".join(_tables(rule)) + "\n"


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _picture(scheme: Scheme, rule: Rule) -> str:
    stairs = ", ".join(f"{one.name} {percent(one)}" for one in rule.ladder.classes)
    return f"![Staircase of {scheme.name}: {stairs}](schemes/{scheme.name}.svg)"


def _tables(rule: Rule) -> Iterator[str]:
    yield "| part | says | mark | reference |\n| --- | --- | --- | --- |"
    for part, says in said(rule).items():
        ground = rule.grounds[part]
        yield f"| {part} | {says} | {ground.mark} | {ground.reference} |"
    yield f"\n| {unit(rule)} | percent | mark | reference |\n| --- | ---: | --- | --- |"
    for one in rule.ladder.classes:
        yield f"| {one.name} | {percent(one)} | {one.ground.mark} | {one.ground.reference} |"


def drawing(scheme: Scheme) -> str:
    """Return the staircase of a scheme with one rule as SVG: percent upwards, days or steps to the right."""
    rule = scheme.periods[0].rule
    stairs = list(_stairs(rule.ladder))
    highest = max(*(one.percent_bp for _, _, one in stairs), 1)
    summary = "; ".join(f"{one.name}: {percent(one)}" for _, _, one in stairs)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" {_NAMED}>',
            f'<title id="title">Municipal share of one paid day under {scheme.name}</title>',
            f'<desc id="desc">{summary}</desc>',
            f'{_STYLE}<rect class="paper" width="{_WIDTH}" height="{_HEIGHT}" rx="10"/>',
            *_drawn(stairs, highest),
            f'<path class="axis" d="M{_LEFT} {_TOP} V{_BOTTOM} H{_RIGHT}"/>',
            f'<text class="note" x="{_RIGHT}" y="{_HEIGHT - 8}" text-anchor="end">{unit(rule)}</text>',
            "</svg>\n",
        ]
    )


def _stairs(ladder: DayLadder | StepLadder) -> Iterator[tuple[int, int, CostClass]]:
    """Give each stair with where it begins and ends on the way to the right."""
    if isinstance(ladder, StepLadder):
        yield from ((number, number + 1, one) for number, one in enumerate(ladder.classes))
        return
    ends = (*(day - 1 for day in ladder.first_days[1:]), round(ladder.first_days[-1] * _BEYOND))
    yield from (
        (first - 1, end, one) for first, end, one in zip(ladder.first_days, ends, ladder.unrelieved, strict=True)
    )


def _drawn(stairs: Sequence[tuple[int, int, CostClass]], highest: int) -> Iterator[str]:
    last = stairs[-1][1]
    for start, end, one in stairs:
        left, right = (_LEFT + (_RIGHT - _LEFT) * place / last for place in (start, end))
        top = _BOTTOM - (_BOTTOM - _TOP - 16) * one.percent_bp / highest
        middle = (left + right) / 2
        yield f'<path class="stair" d="M{left:.1f} {_BOTTOM} V{top:.1f} H{right:.1f} V{_BOTTOM} Z"/>'
        yield f'<text x="{middle:.1f}" y="{top - 6:.1f}" text-anchor="middle">{percent(one)}</text>'
        yield f'<text class="note" x="{middle:.1f}" y="{_BOTTOM + 18}" text-anchor="middle">{one.name}</text>'
