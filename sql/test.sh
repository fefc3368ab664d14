#!/bin/bash
# Deploys, verifies, tests, reverts and deploys the schema again in scratch
# databases of the cluster that PGHOST, PGPORT and PGUSER name. PGUSER must be a
# superuser, and the cluster must let it log in as a role made here ("trust").
# Roles are cluster-wide: those of ngx_media go at the end unless another
# database uses them. More output: ./test.sh --verbose
set -euo pipefail
cd "$(dirname "$0")"

verbose=()
[[ ${1:-} != --verbose ]] || verbose=(--verbose)
database=ngx_media_test_$$
deployer=ngx_media_deployer_$$
log=$(mktemp)
export PGOPTIONS='-c client_min_messages=warning'
export SQITCH_FULLNAME=${SQITCH_FULLNAME:-test} SQITCH_EMAIL=${SQITCH_EMAIL:-test@ngx-media.invalid}

clean_up() {
    dropdb --if-exists "$database"
    dropdb --if-exists "${database}_owned"
    psql -qX -d postgres -c "DROP ROLE IF EXISTS $deployer"
    rm -f "$log"
}
trap clean_up EXIT

step() {
    local name=$1
    shift
    if ! "$@" >"$log" 2>&1; then
        echo "not ok - $name" >&2
        cat "$log" >&2
        exit 1
    fi
    echo "ok - $name"
}

query() { psql -qXAt -v ON_ERROR_STOP=1 "$@"; }

nothing_left() {
    local left
    left=$(query -d "$1" -c "SELECT nspname FROM pg_namespace WHERE nspname = 'media'")
    left+=$(query -d "$1" -c "SELECT defaclrole::regrole FROM pg_default_acl")
    # A role may stay only for the sake of another database.
    left+=$(query -d "$1" -c "
        SELECT rolname
        FROM pg_roles AS r
        WHERE rolname IN ('media_owner', 'media_indexer', 'media_nginx')
          AND NOT EXISTS (
              SELECT FROM pg_shdepend AS d
              WHERE d.refclassid = 'pg_authid'::regclass AND d.refobjid = r.oid
                AND d.dbid <> (SELECT oid FROM pg_database WHERE datname = current_database())
                AND (d.dbid <> 0 OR d.objid <> (SELECT oid FROM pg_database WHERE datname = current_database()))
          )")
    [[ -z $left ]] || { echo "left after revert: $left"; return 1; }
}

# What the trigger tests cannot see inside of their transactions.
notifications_arrive() {
    query -d "$1" -f t/include/notify.sql | sed -n 's/^Asynchronous notification \(.*\) received .*/\1/p' |
        sed 's/[0-9a-f]\{8\}-[-0-9a-f]*/ID/' | diff - <(printf '%s\n' \
            '"media_jobs" with payload "download"' \
            '"media_changed" with payload "ID"' '"media_changed" with payload "ID"' \
            '"media_changed" with payload "ID"' '"media_changed" with payload "ID"' \
            '"media_session_changed" with payload "user:ID"' \
            "\"media_session_changed\" with payload \"token:$(printf token | sha256sum | cut -d ' ' -f 1)\"" \
            "\"media_session_changed\" with payload \"token:$(printf jwt | sha256sum | cut -d ' ' -f 1)\"" \
            '"media_session_changed" with payload "user:auth0|17"' \
            '"media_session_changed" with payload "user:ID"' \
            '"media_changed" with payload "ID"' '"media_changed" with payload "ID"')
}

every_object_has_a_comment() {
    local bare
    bare=$(query -d "$1" -c "
        SELECT c.oid::regclass::text
        FROM pg_class AS c
        WHERE c.relnamespace = 'media'::regnamespace AND c.relkind IN ('r', 'p', 'v')
          AND obj_description(c.oid, 'pg_class') IS NULL
        UNION ALL
        SELECT p.oid::regprocedure::text
        FROM pg_proc AS p
        WHERE p.pronamespace = 'media'::regnamespace AND obj_description(p.oid, 'pg_proc') IS NULL")
    [[ -z $bare ]] || { echo "without COMMENT: $bare"; return 1; }
}

as_superuser() {
    local target=db:pg:$database
    createdb "$database"
    query -d "$database" -c 'CREATE EXTENSION pgtap'
    step 'deploys into an empty database' sqitch deploy --verify "$target"
    step 'verifies' sqitch verify "$target"
    step 'describes every table and function' every_object_has_a_comment "$database"
    pg_prove "${verbose[@]}" --dbname "$database" t/*.sql
    step 'sends notifications at COMMIT' notifications_arrive "$database"
    step 'reverts to nothing' sqitch revert -y "$target"
    step 'leaves no schema and no roles' nothing_left "$database"
    step 'deploys again' sqitch deploy --verify "$target"
    step 'verifies again' sqitch verify "$target"
    step 'reverts again' sqitch revert -y "$target"
}

as_database_owner() {
    local target=db:pg:${database}_owned
    query -d postgres -c "CREATE ROLE $deployer LOGIN CREATEROLE"
    createdb --owner "$deployer" "${database}_owned"
    export PGUSER=$deployer
    step 'deploys as a database owner with CREATEROLE' sqitch deploy --verify "$target"
    step 'verifies as that owner' sqitch verify "$target"
    step 'reverts as that owner' sqitch revert -y "$target"
    step 'leaves no schema and no roles either' nothing_left "${database}_owned"
}

as_superuser
(as_database_owner)
