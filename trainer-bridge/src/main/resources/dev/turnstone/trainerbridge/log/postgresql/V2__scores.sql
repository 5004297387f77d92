-- Scores that stored rollouts were given later, beside the one that they were trained with.
create table scores (
  run        text not null,
  group_name text not null,
  idx        integer not null,
  attempt    integer not null,
  name       text not null,
  reward     double precision not null,
  parts      text not null,
  scored_ms  bigint not null,
  primary key (run, group_name, idx, attempt, name)
);

-- Counting what is admitted must not pass over every group there ever was.
create index groups_by_seq on groups (run, seq, state);
