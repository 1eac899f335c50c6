-- Questions that a table cannot answer, as functions for the reporting role. They run with the rights of who asks, so
-- they know no more than the published tables. Run after roles.sql; running it again changes nothing.

CREATE SCHEMA IF NOT EXISTS reporting;
REVOKE ALL ON SCHEMA reporting FROM PUBLIC;
GRANT USAGE ON SCHEMA reporting TO askelma_reporting;

-- The first day of the month that `value` names; `parameter` is named where it names none.
CREATE OR REPLACE FUNCTION reporting.month_named(value text, parameter text) RETURNS date
LANGUAGE plpgsql IMMUTABLE SECURITY INVOKER SET search_path = pg_catalog AS $$
BEGIN
    IF value IS NULL OR value !~ '^20[0-9]{2}-(0[1-9]|1[0-2])$' THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('%s: must be a month such as 2025-10', parameter);
    END IF;
    RETURN (value || '-01')::date;
END
$$;

-- The numbers of a list that somebody typed. `shape` is what one number looks like, `right` says it in words.
CREATE OR REPLACE FUNCTION reporting.numbers_typed(value text, parameter text, shape text, right_is text)
RETURNS numeric[]
LANGUAGE plpgsql IMMUTABLE SECURITY INVOKER SET search_path = pg_catalog AS $$
BEGIN
    -- The length first: nobody's regular expression is to work on a book.
    IF value IS NULL OR length(value) > 500 OR value !~ format('^\s*%s(\s*[,;]\s*%s){0,19}\s*$', shape, shape) THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('%s: must be 1 to 20 %s, with commas between them', parameter, right_is);
    END IF;
    RETURN ARRAY(
        SELECT part.number::numeric
        FROM regexp_split_to_table(btrim(value, E' \t\r\n'), '\s*[,;]\s*') WITH ORDINALITY AS part(number, place)
        ORDER BY part.place
    );
END
$$;

-- What the days of a municipality (* is the whole authority) would have cost on a ladder of days, by month and class.
--
-- `thresholds` are the first days of classes and `percents` what the municipality pays from each on; days before the
-- first threshold cost nothing. A threshold moves to the nearest edge of the month's published day histogram, to the
-- lower one of two as near; both are returned. Where they are the same, `euros` is within half a cent of the exact
-- figure for each piece of a payment, of which there are at most `pieces_at_most`. Where two thresholds move to one
-- edge, the class between them is empty: its used_to_day lies before its used_from_day. A month that was left out of
-- the histogram is one row that says so. Of the whole authority, edges are those that all its municipalities have.
CREATE OR REPLACE FUNCTION reporting.cost_what_if(
    authority text, municipality text, from_month text, to_month text, thresholds text, percents text
) RETURNS TABLE (
    month date, is_left_out boolean, class integer, asked_from_day integer, used_from_day integer,
    used_to_day integer, percent numeric, days bigint, basic_part_euros numeric, euros numeric, pieces_at_most bigint
)
LANGUAGE plpgsql STABLE SECURITY INVOKER SET search_path = pg_catalog AS $$
#variable_conflict use_column
DECLARE
    first_month CONSTANT date := reporting.month_named(from_month, 'from_month');
    last_month CONSTANT date := reporting.month_named(to_month, 'to_month');
    first_days CONSTANT numeric[] := reporting.numbers_typed(
        thresholds, 'thresholds', '[0-9]{1,5}', 'whole days such as 101');
    shares CONSTANT numeric[] := reporting.numbers_typed(
        percents, 'percents', '[0-9]{1,3}(\.[0-9]{1,2})?', 'percents such as 10 or 12.5');
    wrong text;
BEGIN
    wrong := CASE
        WHEN last_month < first_month THEN 'to_month: must not lie before from_month'
        WHEN first_days[1] < 1 THEN 'thresholds: the first day is 1'
        WHEN EXISTS (
            SELECT FROM unnest(first_days, first_days[2:]) AS pair(day, next_day) WHERE pair.day >= pair.next_day
        ) THEN 'thresholds: each must be higher than the one before it'
        WHEN cardinality(shares) <> cardinality(first_days)
            THEN format('percents: must be as many as thresholds, %s', cardinality(first_days))
        WHEN 100 < ANY (shares) THEN 'percents: must be from 0 to 100'
        WHEN NOT EXISTS (SELECT FROM incentives.published_day_months AS m WHERE m.authority = cost_what_if.authority)
            THEN 'authority: must be the id of one whose figures are published'
        WHEN municipality IS NULL OR municipality <> '*' AND NOT EXISTS (
            SELECT FROM incentives.published_day_months AS m
            WHERE m.authority = cost_what_if.authority AND m.municipality = cost_what_if.municipality
        ) THEN 'municipality: must be one of the authority''s, such as 398, or * for all of them'
    END;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = wrong;
    END IF;

    RETURN QUERY
    WITH asked AS (
        SELECT typed.place::integer AS class, typed.day::integer AS from_day, typed.share
        FROM unnest(first_days, shares) WITH ORDINALITY AS typed(day, share, place)
        UNION ALL
        SELECT 0, 1, 0 WHERE first_days[1] > 1
    ),
    places AS (
        SELECT m.month, m.edges, count(*) OVER (PARTITION BY m.month) AS of_month
        FROM incentives.published_day_months AS m
        WHERE m.authority = cost_what_if.authority AND m.month BETWEEN first_month AND last_month
            AND cost_what_if.municipality IN (m.municipality, '*')
    ),
    shared AS (
        SELECT p.month, edge.day
        FROM places AS p CROSS JOIN unnest(p.edges) AS edge(day)
        GROUP BY p.month, edge.day, p.of_month
        HAVING count(*) = p.of_month
    ),
    months AS (
        SELECT shared.month, array_agg(shared.day) AS edges FROM shared GROUP BY shared.month
    ),
    used AS (
        SELECT months.month, asked.*, nearest.day,
               lead(nearest.day) OVER (PARTITION BY months.month ORDER BY asked.class) AS until_day
        FROM months CROSS JOIN asked CROSS JOIN LATERAL (
            SELECT edge.day FROM unnest(months.edges) AS edge(day)
            ORDER BY abs(edge.day - asked.from_day), edge.day LIMIT 1
        ) AS nearest
    ),
    sums AS (
        SELECT used.month, used.class, sum(bin.days)::bigint AS days, sum(bin.basic_part_cents) AS cents,
               sum(bin.pieces_at_most)::bigint AS pieces
        FROM used JOIN incentives.published_day_bins AS bin
            ON bin.authority = cost_what_if.authority AND bin.month = used.month
            AND cost_what_if.municipality IN (bin.municipality, '*')
            AND bin.from_day >= used.day AND (used.until_day IS NULL OR bin.from_day < used.until_day)
        GROUP BY used.month, used.class
    )
    SELECT used.month, false, used.class, used.from_day, used.day, used.until_day - 1, used.share,
           coalesce(sums.days, 0), trim_scale(coalesce(sums.cents / 100, 0)),
           trim_scale(coalesce(sums.cents * used.share / 10000, 0)), coalesce(sums.pieces, 0)
    FROM used LEFT JOIN sums USING (month, class)
    UNION ALL
    SELECT DISTINCT p.month, true, NULL::integer, NULL::integer, NULL::integer, NULL::integer, NULL::numeric,
           NULL::bigint, NULL::numeric, NULL::numeric, NULL::bigint
    FROM places AS p WHERE p.edges IS NULL
    ORDER BY 1, 3;
END
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA reporting FROM PUBLIC;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA reporting TO askelma_reporting;
