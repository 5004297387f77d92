/// Environments that are registered over HTTP: tools, rewards and where they answer.
///
/// Start with [Environments], the registry a server holds: it takes an [EnvironmentSpec] parsed
/// from a JSON body and hands out the environment by name. What a rollout then does with it is
/// `ToolEnvironment`, whose `ToolSession` runs the calls of a turn through a `Tool` each and scores
/// the transcript through `Scoring`. Every byte to a tool, sandbox or verifier goes through `Peer`,
/// every socket through [ToolAddressPolicy].
///
/// One rule runs through all of it: what the policy did wrong is a failed result that it reads;
/// what the environment did wrong is `EnvironmentLost`, which ends the rollout without a reward.
@NullMarked
package dev.turnstone.envadapters;

import org.jspecify.annotations.NullMarked;
