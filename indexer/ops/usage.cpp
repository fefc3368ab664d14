#include "indexer/ops/command_line.hpp"

namespace media::ops {

const std::string_view kUsage =
    R"(usage: media-indexer COMMAND [--config FILE] [OPTION]...

  serve     runs the daemon
  check     looks at settings, database, store and keys; one line for each
  init      makes missing key files (mode 0600) and marks the storage root
  company add NAME
  user add --company C NAME [--role viewer|agent|manager|admin]
  account add --company C --provider P --external-id ID
              [--secret NAME=VALUE]... [--secret-file NAME=PATH]...
              [--secret-env NAME=VAR]... [--setting NAME=on|off]...
            P: whatsapp, twilio, discord, openphone, quo or generic
  account set --provider P --external-id ID [--secret...]... [--setting...]...
            replaces the secrets of the names given, all values of each
  token --user U --company C [--ttl 1h]
            makes a JSON Web Token
  session open --user U --company C [--ttl 12h]
            makes an opaque token, which is shown once and not stored
  session revoke TOKEN|--user U
            ends a session, or refuses a JSON Web Token from now on; of a user,
            all that was handed out until now
  session list --user U [--json]
  link PATH|--media ID [--ttl 1h] [--method GET] [--user ID] [--address IP]
       [--prefix]
            makes an URL that needs no session; --user: but that user's;
            --prefix: for all below PATH/
  quarantine list [--json]
            what is suspicious, oldest first: id, since when, whose, size, why
  quarantine release|delete MEDIA_ID [--json]
            shows the media after all, or gives its bytes up
  explain ID [--verify] [--json]
            tells all about media: delivery, attempts, bytes, files, and what to
            do. ID is its own, a message's, or a storage key; --verify: also
            reads the files. Status 1: nothing found, or a file is not right
  replay DELIVERY|--since T [--until T] [--provider P] [--account ID]
         [--dry-run] [--json]
            takes kept deliveries once more: makes what is missing, changes
            nothing else. T is 2026-11-21T14:00Z, or 90m or 7d ago
  doctor [--json]
            `check`, and how the running site does. Status 0: well, 1: warnings,
            2: something is wrong
  stats [--company C] [--json]
            what is stored and deduplicated, what waits, and why downloads failed
  retry [MEDIA_ID...] [--company C] [--provider P] [--reason CODE]
        [--max-age 7d] [--max-attempts N] [--limit N] [--dry-run] [--json]
            downloads again what failed: all, or those named or chosen; of media
            received within max-age, with fewer than max-attempts so far. A
            MEDIA_ID that only waits is tried now. Fails when one of them is not
            there or deleted
  queue [--watch] [--json]
            what is ready, runs and waits, by company; suspended accounts, and
            what is lost next; --watch: anew every 2 seconds
  backup [--to DIR|store:NAME] [--keep N] [--conninfo C] [--verify] [--json]
            saves database and files, and of these only what is new; --keep:
            removes all but the N newest snapshots; --verify: reads all again.
            Status 1: something is missing or damaged
  restore --from DIR|store:NAME [--snapshot TIME] [--into STORE]
          [--conninfo C] [--dry-run] [--json]
            brings them to an empty database and empty stores
  fsck [--store NAME] [--checksum [--budget BYTES]] [--min-age 1h] [--json]
       [--repair missing|size|untracked|corrupt]... [--dry-run]
            compares the database with the stores, both ways; --checksum: also
            reads files, at most BYTES (500000, 64K, 10M) from where the last
            one ended. Repairs but what it is told to. Status 1: findings,
            2: something could not be checked
  cleanup [--days N] [--company C] [--bucket B] [--dry-run] [--json]
            deletes media that are older than the retention rules say, or than N
            days and a rule does not keep longer; bytes go after the grace period
  retention set --days N|forever [--company C] [--bucket B]
  retention remove [--company C] [--bucket B]
  retention list [--json]
            rules of how long media are kept; the most special one holds
  buckets create [--store NAME] [--cors-origin ORIGIN]...
            makes the buckets of all S3 stores that are not there, private, and
            has them drop orphaned uploads; --cors-origin: pages of these may read
            what they have an URL of, and no others. Refuses a bucket that
            everybody can read and should not
  buckets check [--store NAME]
            whether they are there, can be written, and are not public
  migrate --from STORE --to STORE [--company C] [--account ID] [--dry-run]
          [--concurrency N] [--rate BYTES] [--verify-only] [--rollback] [--json]
            moves files from one store to another while they are served: copies
            one, reads it back, then lets its row follow; the old copy stays for
            the grace period. Goes on where it was when started again. N files
            are under way (12); BYTES a second: 500000, 64K, 10M;
            --verify-only: reads what STORE --to has and changes nothing;
            --rollback: undoes moves between the two whose old copy is still
            there. Status 1: some failed, and are listed
  adopt --table T --columns id=C,path=C[,mime=C][,company=C][,name=C][,created=C]
        --root DIR --link|--copy [--company C] [--conninfo C] [--dry-run]
        [--json]
            makes media of the files of a site that was there before, a row each:
            paths are below DIR and stay keys by which URLs find them; --link:
            hard links into the store `local`. Again: only what is new. Status 1:
            some failed, and are listed
  version
  help

C and U are a name or an id. FILE is $MEDIA_CONFIG, else
/etc/ngx_media/indexer.toml. Standard output carries only the result: an id, an
URL, a token, a list. Exit status: 0 done, 1 failed, 2 wrong usage.
)";

}  // namespace media::ops
