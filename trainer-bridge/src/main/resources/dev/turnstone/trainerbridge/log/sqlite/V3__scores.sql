-- Scores that stored rollouts were given later, beside the one that they were trained with.
create table scores (
  run        text not null,
  group_name text not null,
  idx        integer not null,
  attempt    integer not null,
  name       text not null,
  reward     real not null,
  parts      text not null,
  scored_ms  integer not null,
  primary key (run, group_name, idx, attempt, name)
) strict;

-- Counting what is admitted must not pass over every group there ever was.
create index groups_by_seq on groups (run, seq, state);
