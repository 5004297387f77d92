alter table runs add column created_ms integer not null default 0;

-- Which server rolls a group out.
alter table groups add column owner text not null default '';

alter table rollouts add column bytes integer not null default 0;
alter table rollouts add column finished_ms integer not null default 0;
create index rollouts_by_age on rollouts (finished_ms) where bytes > 0;

-- Training steps whose version is not applied yet.
create table steps (
  run     text not null references runs (run),
  seq     integer not null,
  version integer not null,
  primary key (run, seq)
) strict;

-- Servers by their lease. batch is the newest transaction that a server's writer committed.
create table servers (
  server  text primary key,
  url     text not null default '',
  expires integer not null default 0,
  batch   integer not null default 0
) strict;

-- Written and deleted to learn whether the disk has room again.
create table probes (
  id    integer primary key,
  bytes blob
) strict;

alter table weights add column kind text not null default 'full';
alter table weights add column probe text;
