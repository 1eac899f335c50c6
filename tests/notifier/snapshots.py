"""Random clients, as lawful as snapshots are and as untidy as real ones."""

from datetime import date, timedelta

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from contracts.codes import StatusCode
from contracts.snapshots import (
    CoordinatorInterval,
    EmploymentEpisode,
    ExposureSnapshot,
    Meeting,
    MunicipalityInterval,
    PathwaySnapshot,
    PendingChange,
    Plan,
    Referral,
    SchemeExposure,
    ServiceEpisode,
    Spell,
    StatusInterval,
    StepInterval,
)

FIRST = date(2025, 9, 1)
DAYS = 420

days = st.integers(0, DAYS).map(lambda n: FIRST + timedelta(days=n))


@st.composite
def pathways(draw: st.DrawFn) -> PathwaySnapshot:
    cuts = sorted(draw(st.lists(days, max_size=5, unique=True)))
    ends = [*cuts[1:], None]
    return PathwaySnapshot(
        "demo", "c1-a", 1, FIRST, 1, "r",
        spells=draw(spells()),
        municipalities=tuple(
            MunicipalityInterval(start, end, draw(st.sampled_from(["167", "398"])))
            for start, end in zip(cuts, ends, strict=True)
        ) if cuts else (),
        coordinators=tuple(CoordinatorInterval(day, None, "coach-1") for day in draw(st.lists(days, max_size=1))),
        statuses=tuple(StatusInterval(day, None, StatusCode("08")) for day in draw(st.lists(days, max_size=1))),
        steps=tuple(
            StepInterval(start, end, draw(st.integers(0, 7))) for start, end in zip(cuts, ends, strict=True)
        ) if cuts else (),
        services=tuple(service(draw, n) for n in range(draw(st.integers(0, 3)))),
        employments=tuple(employment(draw, n) for n in range(draw(st.integers(0, 2)))),
        meetings=tuple(
            Meeting(day, draw(st.sampled_from(["initial", "job_search"])))
            for day in sorted(draw(st.lists(days, max_size=4)))
        ),
        plans=tuple(Plan("P1", day) for day in draw(st.lists(days, max_size=1))),
        referrals=tuple(
            Referral(draw(st.sampled_from(["S0", "S9"])), "x", "coaching", day, draw(st.none() | days))
            for day in draw(st.lists(days, max_size=2))
        ),
        pending=tuple(
            PendingChange(day, draw(st.none() | st.integers(0, 7)), None)
            for day in sorted(draw(st.lists(days, max_size=2, unique=True)))
        ),
    )  # fmt: skip


@st.composite
def spells(draw: st.DrawFn) -> tuple[Spell, ...]:
    edges = sorted(draw(st.lists(days, max_size=4, unique=True)))
    pairs = list(zip(edges[::2], [*edges[1::2], None][: len(edges[::2])], strict=True))
    return tuple(Spell(start, end) for start, end in pairs)


def service(draw: st.DrawFn, number: int) -> ServiceEpisode:
    start = draw(days)
    end = draw(st.none() | st.integers(0, 90).map(lambda n: start + timedelta(days=n)))
    return ServiceEpisode(f"S{number}", "x", "coaching", "p", start, end=end)


def employment(draw: st.DrawFn, number: int) -> EmploymentEpisode:
    start = draw(days)
    end = draw(st.none() | st.integers(0, 200).map(lambda n: start + timedelta(days=n)))
    return EmploymentEpisode(f"W{number}", "open", start, end=end)


@st.composite
def exposures(draw: st.DrawFn) -> ExposureSnapshot:
    law = SchemeExposure(
        "law", 0, draw(st.sampled_from(["1-100", "101-200", "201-300"])), 0,
        draw(st.none() | st.integers(0, 40)), "next", 0, None, 0,
    )  # fmt: skip
    return ExposureSnapshot(
        "demo", "c1-a", 1, 1, "r", 0, 0,
        draw(st.none() | st.sampled_from([FIRST, FIRST + timedelta(days=30)])), draw(st.none() | days), (law,),
    )  # fmt: skip


clients: SearchStrategy[tuple[PathwaySnapshot, ExposureSnapshot | None]] = st.tuples(
    pathways(), st.none() | exposures()
)
