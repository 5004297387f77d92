/// A coding sandbox: SandboxFusion's routes for single programs, and sessions whose files,
/// variables and shells live from call to call, offered over HTTP, MCP and SWE-ReX's routes.
///
/// Start with [SandboxServer], the HTTP service, then [Sandbox], which runs one request,
/// [Sessions], and the package `jail`, whose [dev.turnstone.sandbox.jail.Jail] is what a program
/// runs in.
///
/// What holds a program, what may be weaker on this machine, and where this differs from
/// SandboxFusion on purpose is in `docs/SANDBOX.md`. [SelfTest] proves it on the machine before the
/// server listens, and again while it serves.
@NullMarked
package dev.turnstone.sandbox;

import org.jspecify.annotations.NullMarked;
