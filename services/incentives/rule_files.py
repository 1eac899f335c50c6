"""Reads the dated rule files. Every refusal names the file and the field, and says what would be right."""

import hashlib
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, ClassVar, Final, Literal, Self, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from contracts.faults import fault_of
from services.incentives.domain.parameters import Dated, Parameters
from services.incentives.domain.schemes import (
    STEPS,
    Basis,
    Benefit,
    Boundary,
    CostClass,
    Counter,
    DayLadder,
    Days,
    Effect,
    GeneralSupport,
    Ground,
    Kind,
    Mark,
    Progress,
    Rule,
    RuledPeriod,
    Scheme,
    ShareBase,
    StepLadder,
)

_FORMS: Final = "rules"
_SUFFIX: Final = ".yaml"
_BP_IN_PERCENT: Final = 100
_LONGEST: Final = 10_000
"""Paid days of some forty years: what lasts longer is a slip of the keyboard."""
_TAGGED: Final = frozenset({"ladder", "progress"})

SchemeName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=40)]
Percent = Annotated[Decimal, Field(ge=0, le=100, decimal_places=2)]


class RuleFileError(ValueError):
    """A rule file cannot be used. The text names the file, the field and what is wrong."""


class _Form(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Grounded(_Form):
    mark: Mark
    reference: Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]

    @property
    def ground(self) -> Ground:
        return Ground(self.mark, self.reference)


class _CounterForm(_Grounded):
    value: Counter


class _BoundaryForm(_Grounded):
    value: Boundary


class _NoEffectForm(_Grounded):
    value: Literal["none", "percent_by_step", "clock"]

    @property
    def effect(self) -> Effect:
        return Effect(Progress(self.value))


class _PausingForm(_Grounded):
    value: Literal["pause", "set_back"]
    paid_days: Annotated[int, Field(ge=1, le=_LONGEST)]

    @property
    def effect(self) -> Effect:
        return Effect(Progress(self.value), self.paid_days)


class _ReliefForm(_Grounded):
    value: Literal["relief"]
    points: Annotated[Decimal, Field(gt=0, le=100, decimal_places=2)]
    paid_days: Annotated[int, Field(ge=1, le=_LONGEST)]

    @property
    def effect(self) -> Effect:
        return Effect(Progress.RELIEF, self.paid_days, int(self.points * _BP_IN_PERCENT))


class _BaseForm(_Grounded):
    value: ShareBase


class _PayerForm(_Grounded):
    value: Literal["home_on_posting"]


class _DaysForm(_Grounded):
    benefits: Annotated[tuple[Benefit, ...], Field(min_length=1)]
    bases: Annotated[tuple[Basis, ...], Field(min_length=1)]
    general_support: GeneralSupport

    @property
    def days(self) -> Days:
        return Days(frozenset(self.benefits), frozenset(self.bases), self.general_support)


class _CountForm(_DaysForm):
    partial_days: Literal["whole"]


class _ClassForm(_Grounded):
    percent: Percent

    def named(self, name: str, relief_bp: int = 0) -> CostClass:
        return CostClass(name, max(0, int(self.percent * _BP_IN_PERCENT) - relief_bp), self.ground)


class _DayClassForm(_ClassForm):
    from_day: Annotated[int, Field(ge=1)]


class _StepClassForm(_ClassForm):
    step: Annotated[int, Field(ge=0, le=7)]


class _DayLadderForm(_Form):
    by: Literal["days", "days_since_progress"]
    classes: Annotated[tuple[_DayClassForm, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _climbs(self) -> Self:
        days = [form.from_day for form in self.classes]
        if days[0] != 1 or days != sorted(set(days)):
            raise ValueError("from_day of the first class is 1 and each next one is higher")
        return self

    def ladder(self, effect: Effect) -> DayLadder:
        first_days = tuple(form.from_day for form in self.classes)
        named = list(zip(self.classes, _names(first_days), strict=True))
        relieved = [form.named(f"relief-{name}", effect.points_bp) for form, name in named]
        return DayLadder(
            first_days,
            tuple(form.named(name) for form, name in named),
            tuple(relieved) if effect.progress is Progress.RELIEF else (),
        )


class _StepLadderForm(_Form):
    by: Literal["step"]
    from_day: Annotated[int, Field(ge=2)]
    unknown_step: Annotated[int, Field(ge=0, le=7)]
    waiting: _ClassForm
    steps: tuple[_StepClassForm, ...]

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if [form.step for form in self.steps] != list(STEPS):
            raise ValueError("steps lists each of 0 to 7 once, in order")
        return self

    def ladder(self, _effect: Effect) -> StepLadder:
        by_step = tuple(form.named(f"step-{form.step}") for form in self.steps)
        return StepLadder(self.from_day, self.waiting.named(_names((1, self.from_day))[0]), by_step, self.unknown_step)


class _Header(_Form):
    scheme: SchemeName
    kind: Kind
    labels: dict[str, Annotated[str, StringConstraints(min_length=1)]]

    @model_validator(mode="after")
    def _speaks_all_languages(self) -> Self:
        if set(self.labels) != {"fi", "sv", "en"}:
            raise ValueError("labels: gives the name in fi, sv and en, and in no other language")
        return self


class _SchemeForm(_Header):
    """One composition of parts, as its file writes it."""

    parts: ClassVar = ("counter", "count", "cost", "boundary", "progress", "base", "payer")
    law_from: date | None
    law_until: date | None
    counter: _CounterForm
    count: _CountForm
    cost: _DaysForm
    ladder: Annotated[_DayLadderForm | _StepLadderForm, Field(discriminator="by")]
    boundary: _BoundaryForm
    progress: Annotated[_NoEffectForm | _PausingForm | _ReliefForm, Field(discriminator="value")]
    base: _BaseForm
    payer: _PayerForm

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        by, progress = self.ladder.by, self.progress.effect
        if by == "step" and self.boundary.value != "day":
            raise ValueError("boundary: a ladder by step looks at each day, so the boundary must be day")
        if (by == "step") != (progress.progress is Progress.PERCENT_BY_STEP):
            raise ValueError("progress: percent_by_step goes with a ladder by step, and with no other")
        if (by == "days_since_progress") != (progress.progress is Progress.CLOCK):
            raise ValueError("progress: clock goes with a ladder by days_since_progress, and with no other")
        if progress.follows_rises and self.boundary.value != "day":
            raise ValueError(f"boundary: {self.progress.value} looks at each day, so the boundary must be day")
        if self.kind == "law" and self.law_from is None:
            raise ValueError("law_from: a scheme of kind law says since when it holds")
        if self.law_from and self.law_until and self.law_until <= self.law_from:
            raise ValueError("law_until: lies not after law_from")
        return self

    @property
    def rule(self) -> Rule:
        return Rule(
            self.scheme, self.counter.value, self.count.days, self.cost.days, self.ladder.ladder(self.progress.effect),
            self.boundary.value, self.base.value, self.progress.effect,
            {part: getattr(self, part).ground for part in self.parts},
        )  # fmt: skip

    @property
    def domain(self) -> Scheme:
        return Scheme(self.scheme, self.kind, (RuledPeriod(self.rule),), self.law_from, self.law_until, {**self.labels})


class _PeriodForm(_Grounded):
    scheme: SchemeName
    start: Annotated[date | None, Field(alias="from")]
    end: Annotated[date | None, Field(alias="until")]


class _ByPeriodForm(_Header):
    """A scheme that takes each payment under another scheme, by its period."""

    periods: Annotated[tuple[_PeriodForm, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _follow_each_other(self) -> Self:
        for earlier, later in zip(self.periods, self.periods[1:], strict=False):
            if earlier.end is None or later.start != earlier.end:
                raise ValueError("periods: each begins on the day on which the one before it no longer holds")
        return self

    def domain(self, rules: Mapping[str, Rule]) -> Scheme:
        unknown = [form.scheme for form in self.periods if form.scheme not in rules]
        if unknown:
            raise ValueError(f"periods: there is no scheme file {unknown[0]}.yaml")
        periods = tuple(RuledPeriod(rules[form.scheme], form.start, form.end) for form in self.periods)
        return Scheme(self.scheme, self.kind, periods, periods[0].start, periods[-1].end, {**self.labels})


class _CentsForm(_Grounded):
    start: Annotated[date, Field(alias="from")]
    cents: Annotated[int, Field(gt=0)]

    @property
    def dated(self) -> Dated:
        return Dated(self.start, Fraction(self.cents), self.ground)


class _DaysPerMonthForm(_Grounded):
    start: Annotated[date, Field(alias="from")]
    days: Annotated[Decimal, Field(gt=0, le=31)]

    @property
    def dated(self) -> Dated:
        return Dated(self.start, Fraction(self.days), self.ground)


class _ParametersForm(_Form):
    basic_part: Annotated[tuple[_CentsForm, ...], Field(min_length=1)]
    general_support: Annotated[tuple[_CentsForm, ...], Field(min_length=1)]
    benefit_days_per_month: Annotated[tuple[_DaysPerMonthForm, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        for name in ("basic_part", "general_support", "benefit_days_per_month"):
            starts = [form.start for form in getattr(self, name)]
            if starts != sorted(set(starts)):
                raise ValueError(f"{name}: the dates rise from one entry to the next")
        return self

    @property
    def domain(self) -> Parameters:
        return Parameters(
            tuple(form.dated for form in self.basic_part),
            tuple(form.dated for form in self.general_support),
            tuple(form.dated for form in self.benefit_days_per_month),
        )


@dataclass(frozen=True)
class RuleBook:
    """All schemes by name, the parameters, and the hash of the files they came from."""

    schemes: Mapping[str, Scheme]
    parameters: Parameters
    hash: str


def rule_book(folder: Traversable | None = None, own: Iterable[Path] = ()) -> RuleBook:
    """Read all rule files of `folder` (default: those shipped) and the scheme files `own` beside them.

    Raises RuleFileError, which tells of every file that cannot be used.
    """
    root = folder or files("services.incentives").joinpath(_FORMS)
    shipped = [file for file in root.joinpath("schemes").iterdir() if file.name.endswith(_SUFFIX)]
    scheme_files = sorted([*shipped, *own], key=lambda file: file.name)
    parameters = root.joinpath("parameters.yaml")
    return RuleBook(
        _schemes(scheme_files), _read(_ParametersForm, parameters).domain, _hash([*scheme_files, parameters])
    )


def own_scheme_files(folder: Path) -> list[Path]:
    """Return the scheme files of somebody's own `folder`. Raises RuleFileError where there is none."""
    if not folder.is_dir():
        raise RuleFileError(f"{folder}: is no folder; name one that holds scheme files ({_SUFFIX})")
    return sorted(file for file in folder.iterdir() if file.name.endswith(_SUFFIX))


def _schemes(scheme_files: Sequence[Traversable]) -> dict[str, Scheme]:
    errors: list[str] = []
    forms: dict[str, tuple[Traversable, _SchemeForm | _ByPeriodForm]] = {}
    for file in scheme_files:
        with _noted(errors):
            forms[file.name] = (file, _named_form(file, forms))
    simple = {form.scheme: form.domain for _, form in forms.values() if isinstance(form, _SchemeForm)}
    rules = {name: scheme.periods[0].rule for name, scheme in simple.items()}
    found = dict(simple)
    for file, form in forms.values():
        if isinstance(form, _ByPeriodForm):
            with _noted(errors):
                found[form.scheme] = _by_period(file, form, rules)
    if errors:
        raise RuleFileError("\n".join(errors))
    return dict(sorted(found.items()))


@contextmanager
def _noted(errors: list[str]) -> Iterator[None]:
    """Go on with the other files after one that cannot be used, so that all faults are told at once."""
    try:
        yield
    except RuleFileError as error:
        errors.append(str(error))


def _named_form(file: Traversable, others: Container[str]) -> "_SchemeForm | _ByPeriodForm":
    form = _form(file)
    if form.scheme != file.name.removesuffix(_SUFFIX):
        raise RuleFileError(f"{file.name}: scheme: is not the file's name; both must be the same")
    if file.name in others:
        raise RuleFileError(f"{file.name}: scheme: there is one of this name already; give it another")
    return form


def _by_period(file: Traversable, form: _ByPeriodForm, rules: Mapping[str, Rule]) -> Scheme:
    try:
        return form.domain(rules)
    except ValueError as error:
        raise RuleFileError(f"{file.name}: {error}") from None


def _form(file: Traversable) -> "_SchemeForm | _ByPeriodForm":
    return _read(_ByPeriodForm, file) if "periods" in _mapping(file) else _read(_SchemeForm, file)


def _mapping(file: Traversable) -> dict[str, object]:
    try:
        read = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise RuleFileError(f"{file.name}: is not YAML: {str(error).splitlines()[0]}") from None
    if not isinstance(read, dict):
        raise RuleFileError(f"{file.name}: holds no fields")
    return read


F = TypeVar("F", bound=_Form)


def _read(form: type[F], file: Traversable) -> F:
    try:
        return form.model_validate(_mapping(file))
    except ValidationError as error:
        rows = error.errors(include_url=False)
        raise RuleFileError("\n".join(f"{file.name}: {_where(row['loc'])}{fault_of(row)}" for row in rows)) from None


def _where(location: tuple[int | str, ...]) -> str:
    # A discriminated field repeats its tag in the location, which is no field of the file.
    parts = [str(part) for number, part in enumerate(location) if not (number == 1 and location[0] in _TAGGED)]
    return f"{'.'.join(parts)}: " if parts else ""


def _names(first_days: tuple[int, ...]) -> tuple[str, ...]:
    ends = (*(str(day - 1) for day in first_days[1:]), "")
    return tuple(f"{first}-{end}" for first, end in zip(first_days, ends, strict=True))


def _hash(read: Iterable[Traversable]) -> str:
    digest = hashlib.sha256()
    for file in read:
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()
