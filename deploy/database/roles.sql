-- One role and one schema per service, and a reporting role that reads published figures and nothing else.
-- Run as the owner of the database (a superuser, or a role that may create roles), after every migration: running it
-- again changes nothing but what is new. No role gets a password here.

-- Two runs at once would both try to create a role.
SELECT pg_advisory_xact_lock(4617304);

DO $$
DECLARE
    service text;
    item record;
BEGIN
    -- What PostgreSQL gives to everybody is taken back first.
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    REVOKE ALL ON SCHEMA public FROM PUBLIC;

    FOREACH service IN ARRAY ARRAY['ingest', 'indicators', 'incentives', 'notifier'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'askelma_' || service) THEN
            EXECUTE format('CREATE ROLE %I LOGIN', 'askelma_' || service);
        END IF;
        -- Only a member may give ownership away.
        IF NOT pg_has_role(current_user, 'askelma_' || service, 'MEMBER') THEN
            EXECUTE format('GRANT %I TO CURRENT_USER', 'askelma_' || service);
        END IF;
        EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), 'askelma_' || service);
        EXECUTE format('CREATE SCHEMA IF NOT EXISTS %I', service);
        EXECUTE format('ALTER SCHEMA %I OWNER TO %I', service, 'askelma_' || service);
        EXECUTE format('REVOKE ALL ON SCHEMA %I FROM PUBLIC', service);
        -- Tables that somebody else migrated go to their service; sequences of columns follow their tables.
        FOR item IN
            SELECT c.relname FROM pg_class c
            WHERE c.relnamespace = service::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')
              AND pg_get_userbyid(c.relowner) <> 'askelma_' || service
        LOOP
            EXECUTE format('ALTER TABLE %I.%I OWNER TO %I', service, item.relname, 'askelma_' || service);
        END LOOP;
    END LOOP;
END
$$;

DO $$
DECLARE
    schema_name text;
    item record;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'askelma_reporting') THEN
        CREATE ROLE askelma_reporting LOGIN NOINHERIT CONNECTION LIMIT 20;
    END IF;
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO askelma_reporting', current_database());
    ALTER ROLE askelma_reporting SET default_transaction_read_only = on;
    -- A panel that asks for longer than this is a mistake, and must not hold the services up.
    ALTER ROLE askelma_reporting SET statement_timeout = '30s';
    ALTER ROLE askelma_reporting SET search_path = pg_catalog;

    FOREACH schema_name IN ARRAY ARRAY['ingest', 'indicators', 'incentives', 'notifier'] LOOP
        -- What is no longer published is no longer readable.
        EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA %I FROM askelma_reporting', schema_name);
        EXECUTE format('REVOKE ALL ON SCHEMA %I FROM askelma_reporting', schema_name);
        FOR item IN
            SELECT c.relname FROM pg_class c
            WHERE c.relnamespace = schema_name::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')
              AND c.relname LIKE 'published\_%'
        LOOP
            EXECUTE format('GRANT USAGE ON SCHEMA %I TO askelma_reporting', schema_name);
            EXECUTE format('GRANT SELECT ON %I.%I TO askelma_reporting', schema_name, item.relname);
        END LOOP;
    END LOOP;
END
$$;
