-- As SQLite's logs have them; here records are always in the database.
alter table rollouts add column file integer not null default 0;
alter table rollouts add column place bigint not null default 0;
