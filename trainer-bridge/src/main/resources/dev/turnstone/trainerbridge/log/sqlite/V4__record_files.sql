-- Where a record lies beside the database: a file, and the place in it. Older records are in here.
alter table rollouts add column file integer not null default 0;
alter table rollouts add column place integer not null default 0;
create index rollouts_by_file on rollouts (file) where file > 0;
