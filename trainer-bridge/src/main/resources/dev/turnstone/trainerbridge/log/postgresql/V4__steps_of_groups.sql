-- Training steps that the server computes advantages over: the step that complete groups join now, how many have joined
-- it, and each group's. What of a rollout is trained, by turns, is all that those advantages read of its tokens.
alter table runs add column step bigint not null default 1;
alter table runs add column step_groups integer not null default 0;
alter table groups add column step bigint not null default 0;
alter table rollouts add column turn_tokens text not null default '';
create index groups_by_step on groups (run, step) where step > 0;
