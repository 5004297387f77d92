create table runs (
  run             text primary key,
  spec            text not null,
  phase           text not null,
  epoch           integer not null default 0,
  head            integer not null default 0,
  trained         integer not null default 0,
  trained_version integer not null default 0,
  released        integer not null default 0,
  committed       integer not null default 0,
  kept_from       integer not null default 1
) strict;

create table groups (
  run         text not null references runs (run),
  name        text not null,
  ordinal     integer not null,
  body_sha256 text not null,
  task        text not null,
  state       text not null,
  seq         integer,
  reason      text not null default '',
  version_min integer not null default -1,
  version_max integer not null default -1,
  length      integer not null default 0,
  primary key (run, name),
  unique (run, ordinal),
  unique (run, seq)
) strict;
create index groups_by_state on groups (run, state, ordinal);

create table rollouts (
  run              text not null,
  group_name       text not null,
  idx              integer not null,
  attempt          integer not null,
  state            text not null,
  stop             text not null default '',
  detail           text not null default '',
  reward           real,
  row_count        integer not null default 0,
  length           integer not null default 0,
  turns            integer not null default 0,
  tool_calls       integer not null default 0,
  generated_tokens integer not null default 0,
  cached_tokens    integer not null default 0,
  version_min      integer not null default -1,
  version_max      integer not null default -1,
  wall_ms          integer not null default 0,
  violation        text not null default '',
  outcome          text not null default '',
  failure          text not null default '',
  record           blob,
  primary key (run, group_name, idx, attempt)
) strict;

create table checkpoints (
  run        text not null references runs (run),
  seq        integer not null,
  version    integer not null,
  checkpoint text not null,
  primary key (run, seq)
) strict;

create table quarantine (
  id         integer primary key,
  run        text not null,
  group_name text not null,
  idx        integer,
  attempt    integer,
  reason     text not null
) strict;

create table weights (
  id      integer primary key,
  lineage text not null,
  version integer not null,
  sha256  text not null,
  folder  text not null,
  run     text
) strict;

create table environments (
  environment text primary key,
  spec        text not null
) strict;
