create table runs (
  run             text primary key,
  spec            text not null,
  phase           text not null,
  epoch           bigint not null default 0,
  head            bigint not null default 0,
  trained         bigint not null default 0,
  trained_version integer not null default 0,
  released        bigint not null default 0,
  committed       bigint not null default 0,
  kept_from       bigint not null default 1,
  created_ms      bigint not null default 0
);

create table groups (
  run         text not null references runs (run),
  name        text not null,
  ordinal     bigint not null,
  body_sha256 text not null,
  task        text not null,
  state       text not null,
  seq         bigint,
  reason      text not null default '',
  version_min integer not null default -1,
  version_max integer not null default -1,
  length      integer not null default 0,
  -- Which server rolls the group out.
  owner       text not null default '',
  primary key (run, name),
  unique (run, ordinal),
  unique (run, seq)
);
create index groups_by_state on groups (run, state, ordinal);

create table rollouts (
  run              text not null,
  group_name       text not null,
  idx              integer not null,
  attempt          integer not null,
  state            text not null,
  stop             text not null default '',
  detail           text not null default '',
  reward           double precision,
  row_count        integer not null default 0,
  length           integer not null default 0,
  turns            integer not null default 0,
  tool_calls       integer not null default 0,
  generated_tokens integer not null default 0,
  cached_tokens    integer not null default 0,
  version_min      integer not null default -1,
  version_max      integer not null default -1,
  wall_ms          bigint not null default 0,
  violation        text not null default '',
  outcome          text not null default '',
  failure          text not null default '',
  record           bytea,
  bytes            bigint not null default 0,
  finished_ms      bigint not null default 0,
  primary key (run, group_name, idx, attempt)
);
-- The records are compressed already.
alter table rollouts alter column record set storage external;
create index rollouts_by_age on rollouts (finished_ms) where bytes > 0;

create table checkpoints (
  run        text not null references runs (run),
  seq        bigint not null,
  version    integer not null,
  checkpoint text not null,
  primary key (run, seq)
);

-- Training steps whose version is not applied yet.
create table steps (
  run     text not null references runs (run),
  seq     bigint not null,
  version integer not null,
  primary key (run, seq)
);

create table quarantine (
  id         bigint generated always as identity primary key,
  run        text not null,
  group_name text not null,
  idx        integer,
  attempt    integer,
  reason     text not null
);

create table weights (
  id      bigint generated always as identity primary key,
  lineage text not null,
  version integer not null,
  sha256  text not null,
  folder  text not null,
  run     text,
  kind    text not null default 'full',
  probe   text
);

create table environments (
  environment text primary key,
  spec        text not null
);

-- Servers by their lease. batch is the newest transaction that a server's writer committed.
create table servers (
  server  text primary key,
  url     text not null default '',
  expires bigint not null default 0,
  batch   bigint not null default 0
);

-- Written and deleted to learn whether the disk has room again.
create table probes (
  id    bigint primary key,
  bytes bytea
);
